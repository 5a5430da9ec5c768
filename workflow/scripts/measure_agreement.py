"""Rule measure_agreement: how far the annotators agree."""

from facegap.annotate.merge import measure_agreement
from facegap.answers import format_of
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    measure_agreement(
        snakemake.input.faces,
        snakemake.input.answers,
        snakemake.input.labels,
        snakemake.output.agreement,
        annotators=snakemake.params.annotators,
        formats={name: format_of(entry) for name, entry in snakemake.params.formats.items()},
        errors=snakemake.params.errors,
        seed=snakemake.params.seed,
        confidence=snakemake.params.confidence,
    )
