"""The binary attributes of faces, as the table of faces has them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import DataError
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

Labels = NDArray[np.float32]  # (n, attributes), 0 or 1
OPPOSITES = {"young": ("made younger", "made older"), "bald": ("made bald", "given hair")}


def change_in_words(attribute: str, value: bool) -> str:
    """What a change of `attribute` to `value` asks for: CelebA's names read as they are written."""
    name = attribute.replace("_", " ").lower()
    if name in OPPOSITES:
        return OPPOSITES[name][0 if value else 1]
    if name.startswith("no "):
        return name[3:] + (" taken away" if value else " added")
    return name + (" added" if value else " taken away")


def read_labels(faces: Path, face_ids: "pd.Series[str]", attributes: Sequence[str]) -> Labels:
    """The `attributes` of the faces `face_ids` (n,), float32 (n, attributes).

    Raises `DataError` naming what the table `faces` (FACES) lacks.
    """
    table = read_table(faces, FACES).set_index("face_id")
    require(table, attributes, faces)
    unknown = face_ids[~face_ids.isin(table.index)]
    if len(unknown):
        raise DataError(f"{faces}: no face {unknown.iloc[0]}; run the stage synthesise again")
    labels: Labels = table.loc[list(face_ids), list(attributes)].to_numpy(
        np.float32, na_value=np.nan
    )
    if np.isnan(labels).any():
        raise DataError(f"{faces}: a face to be synthesised lacks an attribute")
    return labels


def require(table: pd.DataFrame, attributes: Sequence[str], place: Path) -> None:
    """Raise `DataError` unless `table` (FACES) has each attribute, as 0, 1 or missing.

    `place` is where the table came from.
    """
    for name in attributes:
        if name not in table or table[name].isna().all():
            raise DataError(
                f"{place}: no values of the attribute {name}; take it out of"
                " synthesise.attributes (names and control), or give it to the data set"
            )
        values = pd.to_numeric(table[name], errors="coerce")
        if not values[table[name].notna()].isin([0, 1]).all():
            raise DataError(f"{place}: the attribute {name} has values other than 0 and 1")


def labels_of(
    faces: pd.DataFrame, name: str, young_below: int | None, place: Path | None = None
) -> "pd.Series[float] | None":
    """Of each face id 1 or 0, missing where the face has no label; None of a set without any.

    gender: male. Young: the attribute, else an age below `young_below` years. Otherwise the binary
    attribute of that name; with other values a `DataError`, where `place`, the file of `faces`
    (FACES), is given, else None.
    """
    known = faces.set_index("face_id")
    if name == "gender":
        label = known["gender"].map({"male": 1.0, "female": 0.0})
    elif name in known:
        label = pd.to_numeric(known[name], errors="coerce").astype(float)
        if not (label.isin([0, 1]) | known[name].isna()).all():
            if place is None:
                return None
            raise DataError(
                f"{place}: the column {name} has values other than 0 and 1; take it out of"
                " classify.tasks.labels"
            )
    elif name == "Young" and young_below is not None:
        label = (known["age"] < young_below).astype(float).where(known["age"].notna())
    else:
        return None
    return label if label.notna().any() else None
