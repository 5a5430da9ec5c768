"""Rule keep_model: which cell of the grid is kept."""

from facegap.classify.runs import keep_model
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    keep_model(
        cells=snakemake.input.cells,
        kept=snakemake.output.kept,
        protocol=snakemake.params.protocol,
        backbone=snakemake.params.backbone,
        first_pair=snakemake.params.first_pair,
    )
