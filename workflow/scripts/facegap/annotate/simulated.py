"""Simulated annotators: the planted truth of drawn faces, told with a known error rate."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap import seeds, tables
from facegap.annotate.own import sides_of
from facegap.annotate.sample import sample_of

log = logging.getLogger(__name__)


def simulate_annotators(
    faces_parquet: str | Path,
    answers_csv: str | Path,
    *,
    own_label: Mapping[str, Any],
    annotator: str,
    error: float,
    seed: int,
) -> None:
    """Write the answers (ANSWERS) of one annotator who errs at each face with chance `error`.

    `own_label` says what of a drawn face is the truth. Errors of two annotators are independent.
    """
    sample = sample_of(tables.read(faces_parquet, tables.FACES))
    truth = sides_of(sample, own_label, faces_parquet)
    errs = seeds.generator(seed, "annotate", annotator).random(len(sample)) < error
    inside = (truth == "inside").to_numpy() ^ errs
    answers = pd.DataFrame({"face_id": sample["face_id"], "side": np.where(inside, *tables.SIDES)})
    tables.write(answers, answers_csv, tables.ANSWERS)
    log.info("%s: simulated, %d answers, %d of them wrong", annotator, len(sample), errs.sum())
