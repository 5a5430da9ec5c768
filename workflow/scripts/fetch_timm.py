"""Rule fetch_timm: the published weights of a model of timm's."""

from facegap.job import run
from facegap.classify.pretrained import fetch_timm

run(fetch_timm, snakemake)
