"""Rule read_lfw: the table of faces of a data set of kind lfw."""

from facegap.acquire.readers import read_lfw
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    read_lfw(
        images=snakemake.input.images,
        outputs=dict(snakemake.output.items()),
        dataset=snakemake.wildcards.dataset,
        faces=snakemake.params.faces,
        split=snakemake.params.split,
        seed=snakemake.params.seed,
    )
