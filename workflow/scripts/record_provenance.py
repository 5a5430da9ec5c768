"""Rule record_provenance: how the results came to be, as an RO-Crate."""

from facegap.job import run
from facegap.report.provenance import record_provenance

run(record_provenance, snakemake)
