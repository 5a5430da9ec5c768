"""Rule measure_parts: what accounts for the transfer gap and the group gaps."""

from facegap.job import run
from facegap.measure.gap_parts import measure_parts

run(measure_parts, snakemake)
