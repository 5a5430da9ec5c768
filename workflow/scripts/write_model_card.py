"""Rule write_model_card: what the selected model is, and what it is not for."""

from facegap.job import run
from facegap.classify.card import write_model_card

run(write_model_card, snakemake)
