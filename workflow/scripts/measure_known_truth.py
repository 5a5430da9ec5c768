"""Rule measure_known_truth: the heads' transfer beside its truth."""

from facegap.job import run
from facegap.measure.known_truth import measure_known_truth

run(measure_known_truth, snakemake)
