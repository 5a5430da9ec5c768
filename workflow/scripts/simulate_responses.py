"""Rule simulate_responses: simulated participants with a known preference judge the pairs."""

from facegap.job import run
from facegap.judge.responses import simulate_responses

run(simulate_responses, snakemake)
