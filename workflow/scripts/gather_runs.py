"""Rule gather_runs: all runs and predictions of the grid in one table each."""

from facegap.classify.runs import gather_runs
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    gather_runs(
        cells=snakemake.input.cells,
        runs=snakemake.output.runs,
        predictions=snakemake.output.predictions,
        tensorboard=snakemake.output.tensorboard,
    )
