"""Rule pair_outputs: blinded pairs of one in-domain and one out-domain output, and their key."""

from facegap.joblog import log_to
from facegap.judge.pairs import pair_outputs

if __name__ == "__main__":
    log_to(snakemake.log[0])
    pair_outputs(
        snakemake.input.translations,
        snakemake.input.images,
        snakemake.output.pairs,
        snakemake.output.key,
        snakemake.output.images,
        synthesis_seeds=snakemake.params.synthesis_seeds,
        participants=snakemake.params.participants,
        pairs=snakemake.params.pairs,
        seed=snakemake.params.seed,
    )
