"""Rule measure_rejected: the share of each group that alignment rejected."""

from facegap.job import run
from facegap.measure.rejected import measure_rejected

run(measure_rejected, snakemake)
