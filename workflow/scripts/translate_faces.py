"""Rule translate_faces: unseen faces of both sides, one attribute changed at a time."""

from facegap.job import run
from facegap.synthesise.translation import translate_faces

run(translate_faces, snakemake)
