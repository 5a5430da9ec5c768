"""Rule measure_tasks: what crossing the boundary does, told apart from what else differs."""

from facegap.job import run
from facegap.measure.tasks import measure_tasks

run(measure_tasks, snakemake)
