"""Rule predict_pseudo_labels: the selected model's probability of each face of the target."""

from facegap.classify.pseudo_labels import predict_pseudo_labels
from facegap.job import run

run(predict_pseudo_labels, snakemake)
