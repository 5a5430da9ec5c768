"""Rule select_benchmark: the optimisers of a data set's own model, by folds."""

from facegap.job import run
from facegap.classify.selection import select_benchmark

run(select_benchmark, snakemake)
