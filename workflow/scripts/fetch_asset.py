"""Rule fetch_asset: a file from the user, the cache, or the first source that has it."""

from facegap.job import run
from facegap.acquire.assets import fetch_asset

run(fetch_asset, snakemake)
