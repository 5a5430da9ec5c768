"""Rule write_report: the whole study on one page."""

from facegap.joblog import log_to
from facegap.report.page import write_report

if __name__ == "__main__":
    log_to(snakemake.log[0])
    write_report(
        page=snakemake.output[0],
        config=snakemake.params.config,
        published=snakemake.input.published,
        results=snakemake.input.tables,
        gap=snakemake.input.gap,
        figures=snakemake.input.figures,
        faces=dict(zip(snakemake.params.datasets, snakemake.input.faces, strict=True)),
        aligned=dict(zip(snakemake.params.datasets, snakemake.input.aligned, strict=True)),
        unread=dict(zip(snakemake.params.datasets, snakemake.input.unread, strict=True)),
        unaligned=dict(zip(snakemake.params.datasets, snakemake.input.unaligned, strict=True)),
        rejected=snakemake.input.rejected,
        labels=dict(zip(snakemake.params.datasets, snakemake.input.labels, strict=True)),
        kept=snakemake.input.kept,
        measures=snakemake.input.measures,
        comparisons=snakemake.input.comparisons,
        agreement=(snakemake.input.agreement or [None])[0],
        partition=snakemake.input.partition,
        calibration=(snakemake.input.calibration or [None])[0],
        judge=snakemake.input.judge,
        realism=snakemake.input.realism,
        provenance=snakemake.input.provenance,
        realism_gaps=snakemake.input.realism_gaps,
        benchmarks=snakemake.params.benchmarks,
    )
