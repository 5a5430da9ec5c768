"""Rule train_learning_curve: heads of the boundary on some of the target's labelled faces."""

from facegap.job import run
from facegap.classify.learning_curve import train_learning_curve

run(train_learning_curve, snakemake)
