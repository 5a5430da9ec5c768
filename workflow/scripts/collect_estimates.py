"""Rule collect_estimates: every estimate of the study in one table."""

from facegap.job import run
from facegap.report.rows import collect_estimates

run(collect_estimates, snakemake)
