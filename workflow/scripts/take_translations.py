"""Rule take_translations: what a user's editor made of the measured faces."""

from facegap.job import run
from facegap.measure.editors import take_translations

run(take_translations, snakemake)
