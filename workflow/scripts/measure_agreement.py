"""Rule measure_agreement: how far the annotators agree."""

from facegap.job import run
from facegap.annotate.agreement import measure_agreement

run(measure_agreement, snakemake)
