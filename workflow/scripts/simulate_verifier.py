"""Rule simulate_verifier: one simulated verifier's answers on the queued drawn persons."""

from facegap.job import run
from facegap.partition.simulated import simulate_verifier

run(simulate_verifier, snakemake)
