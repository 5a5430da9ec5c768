"""Rule draw_realism: measures of realism as a plot."""

from facegap.joblog import log_to
from facegap.report.plots import draw_realism

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_realism(
        realism=snakemake.input.realism,
        gaps=snakemake.input.gaps,
        outputs=snakemake.output,
    )
