"""Rule gather_runs: all runs and predictions of the grid in one table each."""

from facegap.classify.gather import gather_runs
from facegap.job import run

run(gather_runs, snakemake)
