"""Rule train_fresh_heads: further heads, on fresh drawn faces."""

from facegap.job import run
from facegap.classify.fresh import train_fresh_heads

run(train_fresh_heads, snakemake)
