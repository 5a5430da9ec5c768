"""Rule simulate_annotator: one simulated annotator's answers on the sample of drawn faces."""

from facegap.job import run
from facegap.annotate.simulated import simulate_annotator

run(simulate_annotator, snakemake)
