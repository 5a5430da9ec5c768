"""Rule measure_gap: the fall across the boundary."""

from facegap.joblog import log_to
from facegap.report.gap import measure_gap

if __name__ == "__main__":
    log_to(snakemake.log[0])
    measure_gap(
        runs=snakemake.input.runs,
        predictions=snakemake.input.predictions,
        source_faces=snakemake.input.source,
        target_faces=snakemake.input.target,
        gap=snakemake.output[0],
        planted=snakemake.params.planted,
        confidence=snakemake.params.confidence,
        seed=snakemake.params.seed,
    )
