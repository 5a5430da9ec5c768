"""Rule read_celeba: the table of faces of a data set of kind celeba."""

from facegap.acquire.readers import read_celeba
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    read_celeba(
        images=snakemake.input.images,
        attributes=snakemake.input.attributes,
        identities=snakemake.input.identities,
        partitions=snakemake.input.partitions,
        landmarks=(snakemake.input.landmarks or [None])[0],
        outputs=dict(snakemake.output.items()),
        dataset=snakemake.wildcards.dataset,
        faces=snakemake.params.faces,
        split=snakemake.params.split,
        seed=snakemake.params.seed,
    )
