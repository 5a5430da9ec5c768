"""Rule measure_sides: counts of the sides, their error, the precision of accepted pseudo-labels."""

from facegap.job import run
from facegap.partition.measured import measure_sides

run(measure_sides, snakemake)
