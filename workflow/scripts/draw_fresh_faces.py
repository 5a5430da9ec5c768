"""Rule draw_fresh_faces: further drawn persons, in one style."""

from facegap.acquire.collection import draw_fresh_faces
from facegap.job import run

run(draw_fresh_faces, snakemake)
