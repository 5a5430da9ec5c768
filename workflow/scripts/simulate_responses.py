"""Rule simulate_responses: simulated observers with a known preference judge the pairs."""

from facegap.joblog import log_to
from facegap.judge.responses import simulate_responses

if __name__ == "__main__":
    log_to(snakemake.log[0])
    simulate_responses(
        snakemake.input.pairs,
        snakemake.input.persons,
        snakemake.input.key,
        snakemake.input.persons_key,
        snakemake.output.responses,
        snakemake.output.familiar,
        preference=snakemake.params.preference,
        known=snakemake.params.known,
        seed=snakemake.params.seed,
    )
