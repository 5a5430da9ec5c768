"""Rule measure_models: what the classifiers do, beside their accuracy."""

from facegap.joblog import log_to
from facegap.report.measures import measure_models

if __name__ == "__main__":
    log_to(snakemake.log[0])
    measure_models(
        runs=snakemake.input.runs,
        predictions=snakemake.input.predictions,
        kept=snakemake.input.kept,
        faces=dict(zip(snakemake.params.datasets, snakemake.input.faces, strict=True)),
        measures=snakemake.output.measures,
        groups=snakemake.output.groups,
        comparisons=snakemake.output.comparisons,
        calibration=snakemake.output.calibration,
        transfer=snakemake.output.transfer,
        age_bands=snakemake.params.age_bands,
        confidence=snakemake.params.confidence,
        seed=snakemake.params.seed,
    )
