"""Rule measure_classification: what the classifiers do on either side."""

from facegap.job import run
from facegap.measure.classification import measure_classification

run(measure_classification, snakemake)
