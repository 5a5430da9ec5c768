"""Simulated annotators: the truth of drawn faces, answered with a known error rate."""

import logging
from pathlib import Path

from facegap.annotate.sample import shared_out
from facegap.answers import sample_of, simulated_answers
from facegap.boundary import sides_of
from facegap.seeds import generator
from facegap.settings.acquire import OwnLabel
from facegap.settings.annotate import Annotate
from facegap.tables.acquire import FACES
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import read_table, write_table

log = logging.getLogger(__name__)


def simulate_annotator(
    *,
    faces: Path,
    answers: Path,
    annotator: str,
    own_label: OwnLabel,
    settings: Annotate,
    seed: int,
) -> None:
    """Write the `answers` (ANSWERS) of one annotator, who errs on each face independently.

    `own_label` defines the truth of drawn `faces` (FACES). Raises `ValueError` where the settings
    have no error rate of the annotator.
    """
    error = settings.annotators[annotator].error
    if error is None:
        raise ValueError(f"{annotator} is not simulated")
    sample = sample_of(read_table(faces, FACES))
    if settings.answers_per_face:
        rng = generator(seed, "faces_of_annotators")
        names = list(settings.annotators)
        theirs = shared_out(len(sample), len(names), settings.answers_per_face, rng)
        sample = sample[theirs[:, names.index(annotator)]]
    table = simulated_answers(
        sides_of(sample, own_label, faces).set_axis(sample["face_id"]),
        error=error,
        tentative=settings.tentative,
        repeated=settings.repeated,
        rng=generator(seed, "simulated_annotator", annotator=annotator),
    )
    write_table(table, answers, ANSWERS)
    log.info("%s: simulated, %d answers", annotator, len(table))
