"""Rule read_responses: people's answers on the pairs, checked."""

from facegap.joblog import log_to
from facegap.judge.responses import read_responses

if __name__ == "__main__":
    log_to(snakemake.log[0])
    read_responses(
        snakemake.input.answers,
        snakemake.input.familiarity or None,
        snakemake.input.pairs,
        snakemake.input.persons,
        snakemake.input.sheet,
        snakemake.output.responses,
        snakemake.output.familiar,
    )
