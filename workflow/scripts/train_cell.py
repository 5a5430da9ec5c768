"""Rule train_cell: one cell of the grid, tuned and fine-tuned, all repeats."""

from facegap.classify.cells import train_cell
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    train_cell(
        source=snakemake.input.source,
        target=snakemake.input.target,
        weights_file=snakemake.input.weights or None,
        cell=snakemake.output.cell,
        backbone=snakemake.wildcards.backbone,
        view=snakemake.wildcards.view,
        tune_optimiser=snakemake.wildcards.tune,
        fine_tune_optimiser=snakemake.wildcards.fine_tune,
        recipe=snakemake.params.recipe,
        size=snakemake.params.size,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
        saved=snakemake.params.saved,
    )
