"""Rule simulate_model: what a rule in place of a model gives out."""

from facegap.job import run
from facegap.measure.simulated_model import simulate_model

run(simulate_model, snakemake)
