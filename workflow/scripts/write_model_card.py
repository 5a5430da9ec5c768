"""Rule write_model_card: what the kept model is, and what it is not for."""

from facegap.classify.card import write_model_card
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    write_model_card(
        kept=snakemake.input.kept,
        runs=snakemake.input.runs,
        faces=dict(zip(snakemake.params.datasets, snakemake.input.faces, strict=True)),
        card=snakemake.output.card,
        study=snakemake.params.study,
        boundary=snakemake.params.boundary,
        sides=snakemake.params.sides,
        backbones=snakemake.params.backbones,
        recipe=snakemake.params.recipe,
        confidence=snakemake.params.confidence,
    )
