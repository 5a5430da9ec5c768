"""Rule train_arms: the selected configuration, trained in other ways on a data set."""

from facegap.classify.configurations import train_arms
from facegap.job import run

run(train_arms, snakemake)
