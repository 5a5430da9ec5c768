"""Rule measure_landmarker: the landmarker of the pipeline, by group of persons."""

from facegap.job import run
from facegap.measure.landmarker import measure_landmarker

run(measure_landmarker, snakemake)
