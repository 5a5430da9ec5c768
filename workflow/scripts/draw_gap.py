"""Rule draw_gap: the gap of every cell of the grid."""

from facegap.joblog import log_to
from facegap.report.plots import draw_gap

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_gap(gap=snakemake.input.gap, outputs=snakemake.output)
