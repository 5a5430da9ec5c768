"""Rule train_mislabelled: heads trained and tested with still more labels wrong."""

from facegap.job import run
from facegap.classify.mislabelled import train_mislabelled

run(train_mislabelled, snakemake)
