"""Rule select_configuration: which configuration of the grid is selected."""

from facegap.classify.selection import select_configuration
from facegap.job import run

run(select_configuration, snakemake)
