"""The faces that models are audited on: who is on them, in which groups, and what is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import DataError, listed
from facegap.groups import age_band
from facegap.measure.by_group import Grouping, bands, groupings
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups
from facegap.tables.acquire import FACES
from facegap.tables.align import MEASURES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table


@dataclass(frozen=True)
class Audited:
    """Test faces of a data set (n): `faces` (FACES, and of its measures those that there are)."""

    dataset: str
    faces: pd.DataFrame
    person: NDArray[np.int64]
    groupings: list[Grouping]


def audited_faces(
    dataset: str,
    faces: Path,
    measures: Path,
    labels: Path | None,
    *,
    sides: Mapping[str, str],
    settings: Groups,
    intervals: Intervals,
) -> Audited:
    """The test faces in `faces` (FACES), with their `measures` (MEASURES) and `labels` (LABELS).

    `sides` are the sides' words for people; without `labels` there are no groups by side. Skin tone
    and hue are of the faces that were found.
    """
    table = read_table(faces, FACES)
    table = table[table["split"] == "test"].reset_index(drop=True)
    found = read_table(measures, MEASURES)
    table = table.merge(found, on="face_id", how="left", validate="one_to_one")
    columns: dict[str, pd.Series[str]] = {
        "age": age_band(table["age"], intervals.age_bands),
        "skin tone": bands(table["skin_tone"], settings.tones) if settings.tones else _none(table),
        "hue": bands(table["hue"], settings.tones) if settings.tones else _none(table),
    }
    if labels is not None:
        side = read_table(labels, LABELS).set_index("face_id")["side"]
        columns["side"] = table["face_id"].map(side).map(sides)
    person, _ = pd.factorize(table["subject_id"].fillna(" " + table["face_id"]))
    known = {name: column for name, column in columns.items() if column.notna().any()}
    return Audited(dataset, table, person, groupings(table, known, settings))


def require_columns(settings: Groups, audited: Sequence[Audited]) -> None:
    """Refuse a grouping by a column that no data set has. Raises `DataError`."""
    for name in settings.columns:
        if not any(name in each.faces for each in audited):
            has = dict.fromkeys(column for each in audited for column in each.faces)
            raise DataError(
                f"measure.groups: no data set has a column {name}; they have {listed(has)}"
            )


def _none(table: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series([None] * len(table), index=table.index, dtype=object)
