"""Rule write_audit_card: what was measured of a user's model, to paste into its card."""

from facegap.job import run
from facegap.report.model_card import write_audit_card

run(write_audit_card, snakemake)
