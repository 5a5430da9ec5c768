"""Rule read_folder: the table of faces of a data set of kind folder."""

from facegap.acquire.readers import read_folder
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    read_folder(
        images=snakemake.input.images,
        labels=snakemake.input.labels,
        outputs=dict(snakemake.output.items()),
        dataset=snakemake.wildcards.dataset,
        faces=snakemake.params.faces,
        split=snakemake.params.split,
        seed=snakemake.params.seed,
    )
