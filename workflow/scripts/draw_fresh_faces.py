"""Rule draw_fresh_faces: further drawn persons, in one style."""

from facegap.job import run
from facegap.acquire.collection import draw_fresh_faces

run(draw_fresh_faces, snakemake)
