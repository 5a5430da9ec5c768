"""Rule gather_shards: the shards of a data set as one table of aligned faces."""

from facegap.align.gather import gather_shards
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    gather_shards(
        faces=snakemake.input.faces,
        shard_landmarks=snakemake.input.landmarks,
        shard_measures=snakemake.input.measures,
        shard_rejected=snakemake.input.rejected,
        shard_thumbnails=snakemake.input.thumbnails,
        aligned=snakemake.output.faces,
        landmarks=snakemake.output.landmarks,
        measures=snakemake.output.measures,
        rejected=snakemake.output.rejected,
        thumbnails=snakemake.output.thumbnails,
    )
