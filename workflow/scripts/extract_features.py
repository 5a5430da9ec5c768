"""Rule extract_features: one backbone's cached features of all labelled faces."""

from facegap.job import run
from facegap.classify.features import extract_features

run(extract_features, snakemake)
