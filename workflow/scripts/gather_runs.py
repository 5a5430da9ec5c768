"""Rule gather_runs: all runs and predictions of the grid in one table each."""

from facegap.job import run
from facegap.classify.gather import gather_runs

run(gather_runs, snakemake)
