"""Rule measure_rejected: the share of each group that alignment set aside."""

from facegap.joblog import log_to
from facegap.report.rejected import measure_rejected

if __name__ == "__main__":
    log_to(snakemake.log[0])
    measure_rejected(
        faces=dict(zip(snakemake.params.datasets, snakemake.input.faces, strict=True)),
        rejected=dict(zip(snakemake.params.datasets, snakemake.input.rejected, strict=True)),
        labels=dict(zip(snakemake.params.datasets, snakemake.input.labels, strict=True)),
        output=snakemake.output[0],
        names=snakemake.params.names,
        age_bands=snakemake.params.age_bands,
        confidence=snakemake.params.confidence,
        seed=snakemake.params.seed,
    )
