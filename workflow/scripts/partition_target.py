"""Rule partition_target: every face of the target on one side of the boundary, or left out."""

from facegap.job import run
from facegap.partition.merge import partition_target

run(partition_target, snakemake)
