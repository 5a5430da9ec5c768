"""Rule measure_agreement: how far the annotators agree."""

from facegap.annotate.agreement import measure_agreement
from facegap.job import run

run(measure_agreement, snakemake)
