"""Rule accept_pseudo_labels: pseudo-labels that are sure enough, and whom people verify."""

from facegap.job import run
from facegap.partition.pseudo_labels import accept_pseudo_labels

run(accept_pseudo_labels, snakemake)
