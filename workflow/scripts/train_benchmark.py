"""Rule train_benchmark: the selected configuration's counterpart, trained on another data set."""

from facegap.classify.configurations import train_benchmark
from facegap.job import run

run(train_benchmark, snakemake)
