"""Simulated verifiers: the planted truth of drawn persons, told with a known error rate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facegap import seeds, tables
from facegap.answers import simulated_answers
from facegap.boundary import sides_of


def simulate_verifiers(
    faces_parquet: str | Path,
    queue_csv: str | Path,
    answers_csv: str | Path,
    *,
    own_label: Mapping[str, Any],
    verifier: str,
    error: float,
    tentative: Mapping[str, float],
    seed: int,
) -> None:
    """Write the answers (ANSWERS) of one verifier on the queued persons, one a person."""
    queue = tables.read(queue_csv, tables.QUEUE)
    faces = tables.read(faces_parquet, tables.FACES).set_index("face_id").loc[queue["face_id"]]
    answers = simulated_answers(
        sides_of(faces.reset_index(), own_label, faces_parquet).set_axis(faces.index).sort_index(),
        error=error,
        tentative=tentative,
        repeated=0,
        rng=seeds.generator(seed, "partition", verifier),
    )
    tables.write(answers, answers_csv, tables.ANSWERS)
