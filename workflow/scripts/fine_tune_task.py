"""Rule fine_tune_task: tails and heads of a task beside the boundary, fine-tuned on either side."""

from facegap.job import run
from facegap.classify.task_tails import fine_tune_task

run(fine_tune_task, snakemake)
