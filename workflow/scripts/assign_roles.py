"""Rule assign_roles: which faces train the generator, and which it translates."""

from facegap.job import run
from facegap.synthesise.roles import assign_roles

run(assign_roles, snakemake)
