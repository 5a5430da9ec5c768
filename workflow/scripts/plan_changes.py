"""Rule plan_changes: what a user's editor is asked to change."""

from facegap.job import run
from facegap.synthesise.translation import plan_changes

run(plan_changes, snakemake)
