"""Rule tabulate_results: Tables 1 to 5 beside the published ones."""

from facegap.job import run
from facegap.report.tables import tabulate_results

run(tabulate_results, snakemake)
