"""Rule train_benchmark: the kept cell's counterpart, trained on the target's own faces."""

from facegap.classify.cells import train_benchmark
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    train_benchmark(
        kept=snakemake.input.kept,
        source=dict(zip(snakemake.params.candidates, snakemake.input.source, strict=True)),
        target=dict(zip(snakemake.params.candidates, snakemake.input.target, strict=True)),
        weights_files=dict(zip(snakemake.params.pretrained, snakemake.input.weights, strict=True)),
        cell=snakemake.output.cell,
        recipe=snakemake.params.recipe,
        size=snakemake.params.size,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
    )
