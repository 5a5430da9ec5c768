"""Rule extract_features: What a backbone says of each labelled face, computed once."""

from facegap.classify.features import extract_features
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    extract_features(
        faces=snakemake.input.faces,
        labels=snakemake.input.labels,
        aligned=snakemake.input.aligned,
        datasets=snakemake.params.datasets,
        shards=snakemake.input.shards,
        crops=snakemake.params.crops,
        weights=(snakemake.input.weights or [None])[0],
        features=snakemake.output.features,
        views=snakemake.params.views,
        parts=snakemake.params.parts,
        backbone=snakemake.wildcards.backbone,
        size=snakemake.params.size,
        layers=snakemake.params.layers,
        cache=snakemake.params.cache,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
    )
