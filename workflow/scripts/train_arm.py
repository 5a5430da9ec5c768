"""Rule train_arm: the selected configuration, trained in another way or on another data set."""

from facegap.classify.configurations import train_arm
from facegap.job import run

run(train_arm, snakemake)
