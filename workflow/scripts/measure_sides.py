"""Rule measure_sides: counts of the sides, their error, the precision of accepted proposals."""

from facegap.answers import with_formats
from facegap.joblog import log_to
from facegap.partition.measured import measure_sides

if __name__ == "__main__":
    log_to(snakemake.log[0])
    measure_sides(
        snakemake.input.faces,
        snakemake.input.aligned,
        snakemake.input.labels,
        snakemake.input.agreement or None,
        snakemake.input.proposals or None,
        snakemake.input.weighed or None,
        with_formats(snakemake.input.verified, snakemake.params.formats),
        snakemake.input.sides,
        snakemake.output.summary,
        snakemake.output.calibration or None,
        by_person=snakemake.params.by_person,
        contentious=snakemake.params.contentious,
        precision=snakemake.params.precision,
        truth=snakemake.params.truth,
        confidence=snakemake.params.confidence,
    )
