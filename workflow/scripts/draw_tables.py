"""Rule draw_tables: Tables 1 to 5 as plots."""

from facegap.joblog import log_to
from facegap.report.figures import draw_tables

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_tables(paths=snakemake.input.tables, outputs=snakemake.output)
