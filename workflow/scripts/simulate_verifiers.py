"""Rule simulate_verifiers: one simulated verifier's answers on the queued drawn persons."""

from facegap.joblog import log_to
from facegap.partition.simulated import simulate_verifiers

if __name__ == "__main__":
    log_to(snakemake.log[0])
    simulate_verifiers(
        snakemake.input.faces,
        snakemake.input.queue,
        snakemake.output.answers,
        own_label=snakemake.params.own_label,
        verifier=snakemake.wildcards.verifier,
        error=snakemake.params.error,
        tentative=snakemake.params.tentative,
        seed=snakemake.params.seed,
    )
