"""Rule align_shard: the landmarks and crops of one shard of a data set."""

from facegap.align.shards import align_shard
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    align_shard(
        faces=snakemake.input.faces,
        images=snakemake.input.images,
        model=snakemake.input.model,
        arrays=snakemake.output.arrays,
        landmarks=snakemake.output.landmarks,
        measures=snakemake.output.measures,
        rejected=snakemake.output.rejected,
        thumbnails=snakemake.output.thumbnails,
        shard=int(snakemake.wildcards.shard),
        shards=snakemake.params.shards,
        crops=snakemake.params.crops,
        limits=snakemake.params.limits,
        confidence=snakemake.params.confidence,
        face=snakemake.params.face,
        max_pixels=snakemake.params.max_pixels,
    )
