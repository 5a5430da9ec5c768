"""Rule gather_shards: the shards of a data set as one table of aligned faces."""

from facegap.align.gather import gather_shards
from facegap.job import run

run(gather_shards, snakemake)
