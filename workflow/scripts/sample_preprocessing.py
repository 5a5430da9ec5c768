"""Rule sample_preprocessing: examples of what the networks see, for Figure 2."""

from facegap.classify.augmentation import sample_preprocessing
from facegap.job import run

run(sample_preprocessing, snakemake)
