"""Rule measure_model: a user's classifier or regressor, by group of persons."""

from facegap.job import run
from facegap.measure.models import measure_model

run(measure_model, snakemake)
