"""Rule draw_faces: a drawn collection, its pictures and its true labels."""

from facegap.job import run
from facegap.acquire.collection import draw_faces

run(draw_faces, snakemake)
