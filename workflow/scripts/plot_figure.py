"""Rule plot_figure: one figure of the registry; its rule is named after it."""

from facegap.job import run
from facegap.report.figures import plot_of

run(plot_of(snakemake.rule), snakemake)
