"""Rule sample_views: what the networks see, for Figure 2."""

from facegap.classify.views import sample_views
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    sample_views(
        aligned=dict(zip(snakemake.params.datasets, snakemake.input.aligned, strict=True)),
        plain={"source": snakemake.input.plain_source, "target": snakemake.input.plain_target},
        crop={"source": snakemake.input.crop_source, "target": snakemake.input.crop_target},
        samples=snakemake.output.samples,
        augmentation=snakemake.params.augmentation,
        seed=snakemake.params.seed,
    )
