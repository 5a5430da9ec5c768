"""Rule judge_pairs: the answers, unblinded, as estimates: Table 5 and the model behind it."""

from facegap.job import run
from facegap.judge.estimates import judge_pairs

run(judge_pairs, snakemake)
