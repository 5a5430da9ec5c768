"""Rule draw_augmentations: Figure 2."""

from facegap.joblog import log_to
from facegap.report.figures import draw_augmentations

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_augmentations(samples=snakemake.input.samples, outputs=snakemake.output)
