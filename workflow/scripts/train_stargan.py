"""Rule train_stargan: one generator, trained on one side of the boundary."""

from facegap.job import run
from facegap.synthesise.training import train_stargan

run(train_stargan, snakemake)
