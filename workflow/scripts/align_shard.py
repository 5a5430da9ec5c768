"""Rule align_shard: the landmarks and crops of one shard of a data set."""

from facegap.job import run
from facegap.align.shards import align_shard

run(align_shard, snakemake)
