"""Rule translate_faces: unseen faces of both sides, one attribute changed at a time."""

from facegap.joblog import log_to
from facegap.synthesise.translation import translate_faces

if __name__ == "__main__":
    log_to(snakemake.log[0])
    translate_faces(
        generator_safetensors=snakemake.input.generator,
        cast_parquet=snakemake.input.cast,
        faces_parquet=snakemake.input.faces,
        crop_shards=snakemake.input.crops,
        translations_npy=snakemake.output.images,
        translations_parquet=snakemake.output.table,
        sheet_png=snakemake.output.sheet,
        attributes=snakemake.params.attributes,
        exclusive=snakemake.params.exclusive,
        sides=snakemake.params.sides,
        threads=snakemake.threads,
        seed=snakemake.params.seed,
    )
