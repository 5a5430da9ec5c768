"""Rule contrast_models: audited models beside each other, on the same faces."""

from facegap.job import run
from facegap.measure.models import contrast_models

run(contrast_models, snakemake)
