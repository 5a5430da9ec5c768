"""Rule simulate_annotator: one simulated annotator's answers on the sample of drawn faces."""

from facegap.annotate.simulated import simulate_annotator
from facegap.job import run

run(simulate_annotator, snakemake)
