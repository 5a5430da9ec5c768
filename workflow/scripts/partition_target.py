"""Rule partition_target: every face of the target on one side of the boundary, or left out."""

from facegap.answers import with_formats
from facegap.joblog import log_to
from facegap.partition.merge import partition_target

if __name__ == "__main__":
    log_to(snakemake.log[0])
    partition_target(
        snakemake.input.faces,
        snakemake.input.aligned,
        snakemake.input.labels,
        snakemake.input.weighed or None,
        with_formats(snakemake.input.verified, snakemake.params.formats),
        *snakemake.output,
        by_person=snakemake.params.by_person,
        contentious=snakemake.params.contentious,
    )
