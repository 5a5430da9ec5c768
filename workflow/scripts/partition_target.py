"""Rule partition_target: every face of the target on one side of the boundary, or left out."""

from facegap.joblog import log_to
from facegap.partition import partition_target

if __name__ == "__main__":
    log_to(snakemake.log[0])
    partition_target(
        snakemake.input.faces,
        snakemake.input.aligned,
        snakemake.input.labels,
        snakemake.input.proposals or None,
        *snakemake.output,
        by_person=snakemake.params.by_person,
        threshold=snakemake.params.threshold,
        contentious=snakemake.params.contentious,
        confidence=snakemake.params.confidence,
    )
