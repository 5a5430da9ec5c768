"""Rule split_dataset: which faces train and which test, with no picture in two parts."""

from facegap.acquire.reading import split_dataset
from facegap.job import run

run(split_dataset, snakemake)
