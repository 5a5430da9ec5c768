"""Rule train_cell: one backbone and view of the grid, tuned and fine-tuned, all repeats."""

from facegap.classify.cells import train_cell
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    train_cell(
        cached=snakemake.input.features,
        weights_file=(snakemake.input.weights or [None])[0],
        crops=snakemake.input.crops,
        cell=snakemake.output.cell,
        backbone=snakemake.wildcards.backbone,
        view=snakemake.wildcards.view,
        made=snakemake.params.made,
        datasets=snakemake.params.datasets,
        pairs=snakemake.params.pairs,
        recipe=snakemake.params.recipe,
        size=snakemake.params.size,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
        saved=snakemake.params.saved,
    )
