"""Rule merge_annotators: several people's answers as one label a face."""

from facegap.annotate.merge import merge_annotators
from facegap.answers import format_of
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    merge_annotators(
        snakemake.input.faces,
        snakemake.input.answers,
        next(iter(snakemake.input.adjudication), None),
        snakemake.output.labels,
        annotators=snakemake.params.annotators,
        formats={name: format_of(entry) for name, entry in snakemake.params.formats.items()},
        simulated=snakemake.params.simulated,
    )
