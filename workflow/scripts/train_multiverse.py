"""Rule train_multiverse: heads under other readings of the paper."""

from facegap.job import run
from facegap.classify.multiverse import train_multiverse

run(train_multiverse, snakemake)
