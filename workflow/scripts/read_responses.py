"""Rule read_responses: people's answers on the pairs, checked."""

from facegap.job import run
from facegap.judge.responses import read_responses

run(read_responses, snakemake)
