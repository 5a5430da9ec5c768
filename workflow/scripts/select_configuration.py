"""Rule select_configuration: which configuration of the grid is selected."""

from facegap.job import run
from facegap.classify.selection import select_configuration

run(select_configuration, snakemake)
