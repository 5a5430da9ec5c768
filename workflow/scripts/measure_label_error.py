"""Rule measure_label_error: outcomes of heads as they would be with right labels."""

from facegap.job import run
from facegap.measure.label_error import measure_label_error

run(measure_label_error, snakemake)
