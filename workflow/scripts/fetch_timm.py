"""Rule fetch_timm: the published weights of a model of timm's."""

from facegap.classify.pretrained import fetch_timm
from facegap.job import run

run(fetch_timm, snakemake)
