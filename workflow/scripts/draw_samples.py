"""Rule draw_samples: Figure 1."""

from facegap.joblog import log_to
from facegap.report.figures import draw_samples

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_samples(
        crops={"source": snakemake.input.source, "target": snakemake.input.target},
        aligned={
            "source": snakemake.input.source_faces,
            "target": snakemake.input.target_faces,
        },
        names=snakemake.params.names,
        outputs=snakemake.output,
        seed=snakemake.params.seed,
    )
