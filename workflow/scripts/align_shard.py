"""Rule align_shard: the landmarks and crops of one shard of a data set."""

from facegap.align.shards import align_shard
from facegap.job import run

run(align_shard, snakemake)
