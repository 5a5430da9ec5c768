"""Rule draw_faces: a drawn collection, its pictures and its true labels."""

from facegap.acquire.collection import draw_faces
from facegap.job import run

run(draw_faces, snakemake)
