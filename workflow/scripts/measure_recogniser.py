"""Rule measure_recogniser: a user's recogniser, by group of persons."""

from facegap.job import run
from facegap.measure.recognisers import measure_recogniser

run(measure_recogniser, snakemake)
