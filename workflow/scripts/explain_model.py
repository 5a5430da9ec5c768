"""Rule explain_model: what the selected model looks at."""

from facegap.classify.saliency import explain_model
from facegap.job import run

run(explain_model, snakemake)
