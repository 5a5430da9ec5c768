"""Rule train_configurations: all optimiser pairs and repeats of one backbone and preprocessing."""

from facegap.classify.configurations import train_configurations
from facegap.job import run

run(train_configurations, snakemake)
