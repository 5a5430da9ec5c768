"""Rule explain_model: what the selected model looks at."""

from facegap.job import run
from facegap.classify.saliency import explain_model

run(explain_model, snakemake)
