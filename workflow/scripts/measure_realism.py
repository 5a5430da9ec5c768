"""Rule measure_realism: how good the translations of both domains are, in numbers."""

from facegap.job import run
from facegap.measure.realism import measure_realism

run(measure_realism, snakemake)
