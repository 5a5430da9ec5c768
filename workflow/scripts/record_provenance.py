"""Rule record_provenance: how the results came to be, as an RO-Crate."""

from facegap.joblog import log_to
from facegap.report.provenance import record_provenance

if __name__ == "__main__":
    log_to(snakemake.log[0])
    record_provenance(
        snakemake.output.record,
        snakemake.output.settings,
        config=snakemake.params.config,
        results=snakemake.input.results,
        inputs=dict(zip(snakemake.input.data, snakemake.params.digests, strict=True)),
        logs=snakemake.params.logs,
        made_by=snakemake.params.made_by,
        assets=snakemake.params.assets,
    )
