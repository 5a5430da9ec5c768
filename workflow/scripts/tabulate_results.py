"""Rule tabulate_results: Tables 1 to 5 beside the published ones."""

from facegap.joblog import log_to
from facegap.report.results import tabulate_results

if __name__ == "__main__":
    log_to(snakemake.log[0])
    tabulate_results(
        runs=snakemake.input.runs,
        kept=snakemake.input.kept,
        table5=snakemake.input.table5,
        published=snakemake.input.published,
        outputs=snakemake.output,
        confidence=snakemake.params.confidence,
    )
