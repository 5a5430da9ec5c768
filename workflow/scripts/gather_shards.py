"""Rule gather_shards: the shards of a data set as one table of aligned faces."""

from facegap.job import run
from facegap.align.gather import gather_shards

run(gather_shards, snakemake)
