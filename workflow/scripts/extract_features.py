"""Rule extract_features: one backbone's cached features of all labelled faces."""

from facegap.classify.features import extract_features
from facegap.job import run

run(extract_features, snakemake)
