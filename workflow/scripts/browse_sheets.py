"""Rule browse_sheets: translations to browse."""

from facegap.job import run
from facegap.synthesise.browse import browse_sheets

run(browse_sheets, snakemake)
