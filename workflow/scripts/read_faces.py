"""Rule read_faces: the table of faces of a data set, of whatever kind."""

from facegap.acquire.reading import read_faces
from facegap.job import run

run(read_faces, snakemake)
