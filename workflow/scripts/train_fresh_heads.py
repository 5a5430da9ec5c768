"""Rule train_fresh_heads: further heads, on fresh drawn faces."""

from facegap.classify.fresh import train_fresh_heads
from facegap.job import run

run(train_fresh_heads, snakemake)
