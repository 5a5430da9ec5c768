"""Labels that a data set carries itself, as sides of the boundary."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap import tables
from facegap.annotate.sample import require_both_sides
from facegap.errors import DataError

log = logging.getLogger(__name__)


def label_own(
    faces_parquet: str | Path, labels_parquet: str | Path, *, own_label: Mapping[str, Any]
) -> None:
    """Write the labels (LABELS) of all faces (FACES) that carry one; the others are counted.

    `own_label` is the data set's mapping from its words to sides, see `sides_of`. Raises
    `DataError` at a word that is in neither list, and where a split lacks a side.
    """
    faces = tables.read(faces_parquet, tables.FACES)
    side = sides_of(faces, own_label, faces_parquet)
    labels = pd.DataFrame({"face_id": faces["face_id"], "side": side})[side.notna()]
    labels = labels.assign(provenance="own label", annotators="data set", simulated=False)
    log.info("%d faces carry no %s and have no label", side.isna().sum(), own_label["column"])
    require_both_sides(labels, faces, faces_parquet)
    tables.write(labels, labels_parquet, tables.LABELS)
    log.info("sides: %s", labels["side"].value_counts().to_dict())


def sides_of(
    faces: pd.DataFrame, own_label: Mapping[str, Any], place: str | Path
) -> "pd.Series[str]":
    """The side of each face (n,), missing where the face has no value.

    `own_label` names a `column` of `faces` and either the values `inside` and `outside`, or a
    number `below` which a face is inside. `place` is where `faces` came from, for errors.
    """
    column = own_label["column"]
    if column not in faces:
        raise DataError(f"{place}: no column {column}; it has {', '.join(faces.columns)}")
    values = faces[column]
    if "below" in own_label:
        number = pd.to_numeric(values, errors="coerce").astype(float)
        side = pd.Series(np.where(number < own_label["below"], *tables.SIDES), faces.index)
        known, allowed = number.notna(), "numbers"
    else:
        words = {_word(value): side for side in tables.SIDES for value in own_label[side]}
        side = values.map(_word, na_action="ignore").map(words)
        known, allowed = side.notna(), ", ".join(words)
    unknown = faces[values.notna() & ~known]
    if len(unknown):
        first = unknown.iloc[0]
        raise DataError(
            f"{place}: column {column} has the value {first[column]!r} (face {first['face_id']};"
            f" {len(unknown)} faces in all have an unknown value); known: {allowed}. Say in"
            " own_label on which side it is."
        )
    return side.where(values.notna(), None).astype("str")


def _word(value: Any) -> str:
    """One spelling for the 1 of a whole number, of a real number, and of text."""
    if isinstance(value, int | float | np.number) and float(value).is_integer():
        return str(int(value))
    return str(value)
