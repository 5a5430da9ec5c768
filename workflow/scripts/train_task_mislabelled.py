"""Rule train_task_mislabelled: heads of a task with still more faces on the wrong side."""

from facegap.job import run
from facegap.classify.mislabelled import train_task_mislabelled

run(train_task_mislabelled, snakemake)
