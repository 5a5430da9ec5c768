"""Rule train_benchmark: the kept cell's counterpart, trained on another data set's own faces."""

from facegap.classify.cells import train_benchmark
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    train_benchmark(
        kept=snakemake.input.kept,
        cached=dict(zip(snakemake.params.candidates, snakemake.input.features, strict=True)),
        weights_files=dict(zip(snakemake.params.pretrained, snakemake.input.weights, strict=True)),
        crops=snakemake.input.crops,
        cell=snakemake.output.cell,
        dataset=snakemake.wildcards.dataset,
        views=snakemake.params.views,
        datasets=snakemake.params.datasets,
        recipe=snakemake.params.recipe,
        sizes=snakemake.params.sizes,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
    )
