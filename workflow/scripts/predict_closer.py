"""Rule predict_closer: what the selected model answers on test faces cropped again, closer."""

from facegap.job import run
from facegap.classify.closer import predict_closer

run(predict_closer, snakemake)
