"""Rule draw_set_aside: pictures of the faces that alignment set aside."""

from facegap.joblog import log_to
from facegap.report.figures import draw_set_aside

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_set_aside(
        rejected=dict(zip(snakemake.params.datasets, snakemake.input.rejected, strict=True)),
        thumbnails=dict(zip(snakemake.params.datasets, snakemake.input.thumbnails, strict=True)),
        names=snakemake.params.names,
        outputs=snakemake.output,
        seed=snakemake.params.seed,
    )
