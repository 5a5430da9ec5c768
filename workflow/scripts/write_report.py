"""Rule write_report: the whole study on one page."""

from facegap.job import run
from facegap.report.page import write_report

run(write_report, snakemake)
