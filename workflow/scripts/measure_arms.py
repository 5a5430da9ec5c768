"""Rule measure_arms: what crossing the boundary does to generators."""

from facegap.job import run
from facegap.measure.arms import measure_arms

run(measure_arms, snakemake)
