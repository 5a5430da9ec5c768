"""Rule pair_outputs: blinded pairs of one in-domain and one out-domain output, and their key."""

from facegap.joblog import log_to
from facegap.judge.pairs import pair_outputs

if __name__ == "__main__":
    log_to(snakemake.log[0])
    pair_outputs(
        snakemake.input.translations,
        snakemake.input.images,
        snakemake.output.pairs,
        snakemake.output.persons,
        snakemake.output.sheet,
        snakemake.output.images,
        snakemake.output.key,
        snakemake.output.persons_key,
        synthesis_seeds=snakemake.params.synthesis_seeds,
        study=snakemake.params.study,
        participants=snakemake.params.participants,
        pairs=snakemake.params.pairs,
        overlap=snakemake.params.overlap,
        attention=snakemake.params.attention,
        repeats=snakemake.params.repeats,
        training=snakemake.params.training,
        familiarity=snakemake.params.familiarity,
        criteria=snakemake.params.criteria,
        break_every=snakemake.params.break_every,
        seed=snakemake.params.seed,
    )
