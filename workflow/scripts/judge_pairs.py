"""Rule judge_pairs: the answers, unblinded, as Table 5 and the model behind it."""

from facegap.joblog import log_to
from facegap.judge.estimates import judge_pairs

if __name__ == "__main__":
    log_to(snakemake.log[0])
    judge_pairs(
        snakemake.input.pairs,
        snakemake.input.key,
        snakemake.input.persons_key,
        snakemake.input.responses,
        snakemake.input.familiar,
        snakemake.input.realism,
        snakemake.output.table5,
        snakemake.output.scores,
        snakemake.output.model,
        attention_needed=snakemake.params.attention_needed,
        confidence=snakemake.params.confidence,
        seed=snakemake.params.seed,
    )
