"""The boundary, in a data set's own words."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.errors import DataError, listed, shown
from facegap.names import one_form
from facegap.settings.acquire import OwnLabel
from facegap.tables.base import SIDES


def sides_of(faces: pd.DataFrame, own_label: OwnLabel, place: str | Path) -> "pd.Series[str]":
    """The side of each face (n,), missing where the face has no value.

    `own_label` names a `column` of `faces` and either the values `inside` and `outside`, or a
    number `below` which a face is inside. `place` is where `faces` came from, for errors.
    """
    column = one_form(own_label.column)
    if column not in faces:
        raise DataError(
            f"{place}: no column {column}, which own_label.column names, came from the data set; it"
            f" has {listed(faces.columns)}"
        )
    values = faces[column]
    if own_label.below is not None:
        number = pd.to_numeric(values, errors="coerce").astype(float)
        side = pd.Series(np.where(number < own_label.below, *SIDES), faces.index)
        known, allowed = number.notna(), "numbers"
    else:
        words = {_word(value): side for side in SIDES for value in getattr(own_label, side)}
        side = values.map(_word, na_action="ignore").map(words)
        known, allowed = side.notna(), ", ".join(words)
    unknown = faces[values.notna() & ~known]
    if len(unknown):
        first = unknown.iloc[0]
        raise DataError(
            f"{place}: column {column} has the value {shown(first[column])} (face"
            f" {shown(first['face_id'])}; {len(unknown)} faces in all have an"
            f" unknown value); known: {allowed}. Say in own_label on which side it is."
        )
    return side.where(values.notna(), None).astype("str")


def same_groups(groups: pd.Series, others: pd.Series) -> bool:
    """Whether both part the faces alike, whatever they call the parts."""
    pairs = pd.DataFrame({"one": groups, "other": others}).drop_duplicates()
    return bool(pairs["one"].is_unique and pairs["other"].is_unique)


def _word(value: Any) -> str:
    """One spelling for the 1 of a whole number, of a real number, and of text; one form of it."""
    if isinstance(value, int | float | np.number) and float(value).is_integer():
        return str(int(value))
    return one_form(str(value))
