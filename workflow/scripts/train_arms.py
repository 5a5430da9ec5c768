"""Rule train_arms: the selected configuration, trained in other ways on a data set."""

from facegap.job import run
from facegap.classify.configurations import train_arms

run(train_arms, snakemake)
