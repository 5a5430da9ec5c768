"""Rule measure_multiverse: the primary outcome under other readings of the paper."""

from facegap.job import run
from facegap.measure.multiverse import measure_multiverse

run(measure_multiverse, snakemake)
