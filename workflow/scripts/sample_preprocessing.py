"""Rule sample_preprocessing: examples of what the networks see, for Figure 2."""

from facegap.job import run
from facegap.classify.augmentation import sample_preprocessing

run(sample_preprocessing, snakemake)
