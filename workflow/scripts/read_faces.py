"""Rule read_faces: the faces of a data set, of whatever kind, and what they look like."""

from facegap.acquire.reading import read_faces
from facegap.job import run

run(read_faces, snakemake)
