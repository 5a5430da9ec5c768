"""Simulated annotators: the planted truth of drawn faces, told with a known error rate."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facegap import seeds, tables
from facegap.annotate.sample import sample_of
from facegap.answers import simulated_answers
from facegap.boundary import sides_of

log = logging.getLogger(__name__)


def simulate_annotators(
    faces_parquet: str | Path,
    answers_csv: str | Path,
    *,
    own_label: Mapping[str, Any],
    annotator: str,
    error: float,
    tentative: Mapping[str, float],
    repeated: float,
    seed: int,
) -> None:
    """Write the answers (ANSWERS) of one annotator who errs at each face with chance `error`.

    `own_label` says what of a drawn face is the truth. Errors of two annotators are independent.
    """
    sample = sample_of(tables.read(faces_parquet, tables.FACES)).set_index("face_id")
    answers = simulated_answers(
        sides_of(sample.reset_index(), own_label, faces_parquet).set_axis(sample.index),
        error=error,
        tentative=tentative,
        repeated=repeated,
        rng=seeds.generator(seed, "annotate", annotator),
    )
    tables.write(answers, answers_csv, tables.ANSWERS)
    log.info("%s: simulated, %d answers", annotator, len(answers))
