"""Rule pair_outputs: blinded pairs of one in-domain and one out-domain output, and their key."""

from facegap.job import run
from facegap.judge.pairs import pair_outputs

run(pair_outputs, snakemake)
