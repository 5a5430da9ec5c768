"""Simulated verifiers: the truth of drawn persons, answered with a known error rate."""

from pathlib import Path

from facegap.answers import simulated_answers
from facegap.boundary import sides_of
from facegap.seeds import generator
from facegap.settings.acquire import OwnLabel
from facegap.settings.annotate import Tentative
from facegap.settings.partition import Partition
from facegap.tables.acquire import FACES
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import read_table, write_table
from facegap.tables.partition import QUEUE


def simulate_verifier(
    *,
    faces: Path,
    queue: Path,
    answers: Path,
    verifier: str,
    own_label: OwnLabel,
    settings: Partition,
    tentative: Tentative,
    seed: int,
) -> None:
    """Write the `answers` (ANSWERS) of one verifier on the persons of `queue` (QUEUE), one each.

    `own_label` defines the truth of drawn `faces` (FACES). Raises `ValueError` where the settings
    have no error rate of the verifier.
    """
    error = settings.verification[verifier].error
    if error is None:
        raise ValueError(f"{verifier} is not simulated")
    table, waiting = read_table(faces, FACES), read_table(queue, QUEUE)["face_id"]
    shown = table.set_index("face_id").loc[waiting].sort_index().reset_index()
    verified = simulated_answers(
        sides_of(shown, own_label, faces).set_axis(shown["face_id"]),
        error=error,
        tentative=tentative,
        repeated=0,
        rng=generator(seed, "simulated_verifier", verifier=verifier),
    )
    write_table(verified, answers, ANSWERS)
