"""Rule browse_sheets: translations to leaf through."""

from facegap.joblog import log_to
from facegap.synthesise.browse import browse_sheets

if __name__ == "__main__":
    log_to(snakemake.log[0])
    browse_sheets(
        translations_npy=snakemake.input.images,
        translations_parquet=snakemake.input.tables,
        scores_parquet=snakemake.input.scores,
        sheets_html=snakemake.output.page,
        synthesis_seeds=snakemake.params.seeds,
        attributes=snakemake.params.attributes,
        sides=snakemake.params.sides,
    )
