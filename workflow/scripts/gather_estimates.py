"""Rule gather_estimates: all estimates of the stage in one table."""

from facegap.job import run
from facegap.measure.gather import gather_estimates

run(gather_estimates, snakemake)
