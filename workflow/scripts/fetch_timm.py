"""Rule fetch_timm: the published weights of one of timm's models."""

from facegap.classify.pretrained import fetch_timm
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    fetch_timm(
        name=snakemake.wildcards.model,
        weights=snakemake.output[0],
        offline=bool(snakemake.resources.offline),
    )
