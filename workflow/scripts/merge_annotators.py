"""Rule merge_annotators: several people's answers as one label a face."""

from facegap.job import run
from facegap.annotate.merge import merge_annotators

run(merge_annotators, snakemake)
