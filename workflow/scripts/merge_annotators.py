"""Rule merge_annotators: several people's answers as one label a face."""

from facegap.annotate.merge import merge_annotators
from facegap.job import run

run(merge_annotators, snakemake)
