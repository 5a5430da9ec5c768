"""Rule read_faces: the faces of a data set, of whatever kind, and what they look like."""

from facegap.job import run
from facegap.acquire.reading import read_faces

run(read_faces, snakemake)
