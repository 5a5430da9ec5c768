"""What a labelled data set needs at the least."""

from pathlib import Path

import pandas as pd

from facegap.errors import DataError
from facegap.tables.base import SIDES

LEAST = 2  # faces of each side in each split: fewer can be neither trained on nor tested


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
