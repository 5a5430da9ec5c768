"""Rule select_benchmark: the optimisers of a data set's own model, by folds."""

from facegap.classify.selection import select_benchmark
from facegap.job import run

run(select_benchmark, snakemake)
