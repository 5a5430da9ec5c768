"""Rule train_attribute_classifier: what tells from pixels which attributes a face shows."""

from facegap.job import run
from facegap.measure.recogniser import train_attribute_classifier

run(train_attribute_classifier, snakemake)
