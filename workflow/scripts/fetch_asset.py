"""Rule fetch_asset: a file from the user, the cache, or the first source that has it."""

from facegap.acquire.assets import fetch_asset
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    fetch_asset(
        name=snakemake.wildcards.asset,
        asset=snakemake.params.asset,
        target=snakemake.output[0],
        by_hand=(snakemake.input.by_hand or [None])[0],
        offline=bool(snakemake.resources.offline),
        accepted=snakemake.resources.accepted.split(),
    )
