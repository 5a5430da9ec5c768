"""Rule train_configurations: all optimiser pairs and repeats of one backbone and preprocessing."""

from facegap.job import run
from facegap.classify.configurations import train_configurations

run(train_configurations, snakemake)
