"""Rule label_own: the labels that a data set carries itself, as sides of the boundary."""

from facegap.job import run
from facegap.annotate.own import label_own

run(label_own, snakemake)
