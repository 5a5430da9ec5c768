"""Rule measure_learning_curve: how many of the target's labelled faces do what the source's do."""

from facegap.job import run
from facegap.measure.learning_curve import measure_learning_curve

run(measure_learning_curve, snakemake)
