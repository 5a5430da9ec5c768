"""Rule draw_rejected: the shares that alignment set aside, by group."""

from facegap.joblog import log_to
from facegap.report.rejected import draw_rejected

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_rejected(
        shares=snakemake.input.shares, outputs=snakemake.output, names=snakemake.params.names
    )
