"""What a labelled data set needs at the least."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import DataError
from facegap.tables.base import SIDES

LEAST = 2  # faces of each side in each split: fewer can be neither trained on nor tested


def shared_out(
    faces: int, annotators: int, each: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Who answers on which face, (faces, annotators): `each` of them, as evenly as can be."""
    order = np.argsort(rng.random((faces, annotators)), axis=1)
    given, taken = np.zeros(annotators, int), np.zeros((faces, annotators), bool)
    for face in range(faces):
        least = order[face][np.argsort(given[order[face]], kind="stable")[:each]]
        taken[face, least] = True
        given[least] += 1
    return taken


def require_both_sides(labels: pd.DataFrame, faces: pd.DataFrame, place: str | Path) -> None:
    """A `DataError` that names split and side where too few faces are labelled."""
    split = labels["face_id"].map(faces.set_index("face_id")["split"])
    for part in ("train", "test"):
        for side in SIDES:
            count = int(((split == part) & (labels["side"] == side)).sum())
            if count < LEAST:
                raise DataError(
                    f"{place}: the split {part} has {count} labelled faces on the side {side};"
                    f" at least {LEAST} are needed. Use more faces, or a larger {part} part."
                )
