"""Rule split_dataset: which faces train and which test, with no picture in two parts."""

from facegap.job import run
from facegap.acquire.reading import split_dataset

run(split_dataset, snakemake)
