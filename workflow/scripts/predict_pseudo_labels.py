"""Rule predict_pseudo_labels: the selected model's probability of each face of the target."""

from facegap.job import run
from facegap.classify.pseudo_labels import predict_pseudo_labels

run(predict_pseudo_labels, snakemake)
