"""Rule draw_contentious: Figure 3."""

from facegap.joblog import log_to
from facegap.report.figures import draw_contentious

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_contentious(
        labels=snakemake.input.labels,
        sides=snakemake.input.sides,
        crops=snakemake.input.crops,
        aligned=snakemake.input.faces,
        names=snakemake.params.sides,
        outputs=snakemake.output,
    )
