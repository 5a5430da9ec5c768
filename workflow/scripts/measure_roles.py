"""Rule measure_roles: how many faces have each role, and how many lie on the other side."""

from facegap.job import run
from facegap.measure.roles import measure_roles

run(measure_roles, snakemake)
