"""Rule train_task: heads of a task beside the boundary, trained inside, outside and on both."""

from facegap.job import run
from facegap.classify.tasks import train_task

run(train_task, snakemake)
