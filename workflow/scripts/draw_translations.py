"""Rule draw_translations: Figure 4."""

from facegap.joblog import log_to
from facegap.report.figures import draw_translations

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_translations(
        arrays=snakemake.input.arrays,
        table=snakemake.input.table,
        scores=snakemake.input.scores,
        sides={
            "in-domain": snakemake.params.sides["inside"],
            "out-domain": snakemake.params.sides["outside"],
        },
        outputs=snakemake.output,
        seed=snakemake.params.seed,
    )
