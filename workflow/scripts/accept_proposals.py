"""Rule accept_proposals: proposals that are sure enough, and who is to be verified by people."""

from facegap.joblog import log_to
from facegap.partition.proposals import accept_proposals

if __name__ == "__main__":
    log_to(snakemake.log[0])
    accept_proposals(
        snakemake.input.faces,
        snakemake.input.labels,
        snakemake.input.proposals,
        *snakemake.output,
        by_person=snakemake.params.by_person,
        precision=snakemake.params.precision,
    )
