"""Rule draw_models: the classifiers by group, calibration, transfer and saliency."""

from facegap.joblog import log_to
from facegap.report.models import draw_models

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_models(
        groups=snakemake.input.groups,
        calibration=snakemake.input.calibration,
        transfer=snakemake.input.transfer,
        saliency=snakemake.input.saliency,
        outputs=list(zip(snakemake.output.png, snakemake.output.svg, strict=True)),
        sides=snakemake.params.sides,
    )
