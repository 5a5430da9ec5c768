"""Rule draw_faces: a drawn collection, its pictures and its true labels."""

from facegap.acquire.collection import draw_faces
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    draw_faces(
        faces_table=snakemake.output.faces,
        images_zip=snakemake.output.images,
        rejected_table=snakemake.output.rejected,
        dataset=snakemake.wildcards.dataset,
        faces=snakemake.params.faces,
        split=snakemake.params.split,
        seed=snakemake.params.seed,
        **snakemake.params.drawn,
    )
