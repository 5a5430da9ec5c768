"""Rule cast_faces: which faces of the target train the generator, and which it translates."""

from facegap.joblog import log_to
from facegap.synthesise.cast import cast_faces

if __name__ == "__main__":
    log_to(snakemake.log[0])
    cast_faces(
        sides_parquet=snakemake.input.sides,
        faces_parquet=snakemake.input.faces,
        aligned_parquet=snakemake.input.aligned,
        cast_parquet=snakemake.output.cast,
        attributes=snakemake.params.attributes,
        control=snakemake.params.control,
        held_out=snakemake.params.held_out,
        translated=snakemake.params.translated,
        seed=snakemake.params.seed,
    )
