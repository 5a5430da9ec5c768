"""Rule simulate_responses: simulated observers with a known preference judge the pairs."""

from facegap.joblog import log_to
from facegap.judge.responses import simulate_responses

if __name__ == "__main__":
    log_to(snakemake.log[0])
    simulate_responses(
        snakemake.input.pairs,
        snakemake.input.key,
        snakemake.output.responses,
        preference=snakemake.params.preference,
        seed=snakemake.params.seed,
    )
