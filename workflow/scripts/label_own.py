"""Rule label_own: the labels that a data set carries itself, as sides of the boundary."""

from facegap.annotate.own import label_own
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    label_own(
        snakemake.input.faces,
        snakemake.output.labels,
        own_label=snakemake.params.own_label,
    )
