"""Rule extract_features: What a backbone says of each labelled face, computed once."""

from facegap.classify.features import extract_features
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    extract_features(
        faces=snakemake.input.faces,
        labels=snakemake.input.labels,
        aligned=snakemake.input.aligned,
        shards={"source": snakemake.input.source, "target": snakemake.input.target},
        weights=snakemake.input.weights or None,
        folders=snakemake.output,
        parts=snakemake.params.parts,
        backbone=snakemake.wildcards.backbone,
        augmentation=snakemake.params.augmentation,
        size=snakemake.params.size,
        layers=snakemake.params.layers,
        cache=snakemake.params.cache,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
    )
