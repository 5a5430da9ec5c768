"""Rule draw_tables: each table as intervals beside the published points."""

from facegap.joblog import log_to
from facegap.report.plots import draw_tables

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_tables(
        paths=snakemake.input.tables,
        outputs=list(zip(snakemake.output.png, snakemake.output.svg, strict=True)),
        simulated=snakemake.params.simulated,
    )
