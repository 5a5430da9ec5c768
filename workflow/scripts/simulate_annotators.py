"""Rule simulate_annotators: one simulated annotator's answers on the sample of drawn faces."""

from facegap.annotate.simulated import simulate_annotators
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    simulate_annotators(
        snakemake.input.faces,
        snakemake.output.answers,
        own_label=snakemake.params.own_label,
        annotator=snakemake.wildcards.annotator,
        error=snakemake.params.error,
        tentative=snakemake.params.tentative,
        repeated=snakemake.params.repeated,
        seed=snakemake.params.seed,
    )
