"""Rule explain_model: what the kept model looks at."""

from facegap.classify.saliency import explain_model
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    explain_model(
        kept=snakemake.input.kept,
        cells=snakemake.input.cells,
        aligned=dict(zip(snakemake.params.datasets, snakemake.input.aligned, strict=True)),
        labels=dict(zip(snakemake.params.datasets, snakemake.input.labels, strict=True)),
        shards=snakemake.input.shards,
        crops=snakemake.params.crops,
        weights_files=dict(zip(snakemake.params.pretrained, snakemake.input.weights, strict=True)),
        saliency=snakemake.output.saliency,
        head=snakemake.params.head,
        sizes=snakemake.params.sizes,
        layers=snakemake.params.layers,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
    )
