"""Rule label_own: the labels that a data set carries itself, as sides of the boundary."""

from facegap.annotate.own import label_own
from facegap.job import run

run(label_own, snakemake)
