"""Rule judge_pairs: the answers, unblinded, as Table 5 and the model behind it."""

from facegap.joblog import log_to
from facegap.judge.estimates import judge_pairs

if __name__ == "__main__":
    log_to(snakemake.log[0])
    judge_pairs(
        snakemake.input.pairs,
        snakemake.input.key,
        snakemake.input.responses,
        snakemake.output.table5,
        snakemake.output.model,
        confidence=snakemake.params.confidence,
    )
