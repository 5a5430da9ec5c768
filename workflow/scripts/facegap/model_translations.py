"""What a user's editor made of exported faces: a folder or zip of images, and translations.csv.

All that is wrong with the table is one `DataError`, as in `facegap.model_outputs`; so are images
that cannot be used, each with its line.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.decoding import ImageError
from facegap.errors import DataError, listed
from facegap.images import open_images
from facegap.model_rows import (
    Problem,
    Rows,
    always,
    faces_of,
    first_alike,
    refuse,
    strange_faces,
)
from facegap.spreadsheets import as_flags, read_csv
from facegap.tables.base import as_meant

TABLE = "translations.csv"
COLUMNS = ("face", "attribute", "value", "file")
VALUES = {"1": 1, "1.0": 1, "0": 0, "0.0": 0}


@dataclass(frozen=True)
class Changes:
    """What is asked of an editor: of each face, which attribute is to be changed to what.

    `table` has face_id, attribute and value, a row a change; images are of `size` pixels a side.
    """

    table: pd.DataFrame
    size: int


def read_translations(
    place: Path,
    names: Mapping[str, str],
    changes: Changes,
    take: Callable[[int, NDArray[np.uint8]], None] = lambda row, image: None,
) -> NDArray[np.bool_]:
    """Which rows of `changes` (n,) have an image in the folder or zip at `place`; `take` gets it.

    `take` is given the row and the image, uint8 (size, size, 3) RGB; `names` has the face_id by
    each name that a face may have. Raises `DataError` naming each line that cannot be used.
    """
    path = place / TABLE
    with open_images(place) as images:
        table = _table(place, images.contents)
        missing = [name for name in COLUMNS if name not in table]
        if missing or table.empty:
            whole = [f"no column {listed(missing)}; it has {listed(table.columns)}"]
            refuse(path, whole if missing else ["no rows below the header"])
        rows = Rows(path, "line", table.index.to_numpy(), _words(table, "face").tolist())
        table = table.reset_index(drop=True)
        face_ids = faces_of(rows.faces, names)
        asked = _asked(table, face_ids, changes)
        refuse(path, [], rows, _problems(table, rows, face_ids, asked, names))
        known = asked.to_numpy(int)
        reasons = np.array([""] * len(table), dtype=object)
        for k, name in enumerate(_words(table, "file")):
            try:
                image = images.read(name)
                if image.shape[:2] != (changes.size, changes.size):
                    height, width = image.shape[:2]
                    reason = f"{width} x {height} pixels; exported faces have {changes.size}"
                    raise ImageError(name, reason)
                take(int(known[k]), image)
            except ImageError as error:
                reasons[k] = f"{name}: {error.reason}"
        refuse(path, [], rows, [Problem(reasons != "", lambda row: str(reasons[row]))])
    found = np.zeros(len(changes.table), dtype=bool)
    found[known] = True
    return found


def _table(place: Path, contents: Callable[[str], bytes]) -> pd.DataFrame:
    """translations.csv, as `read_csv` gives it, from the folder or zip at `place`."""
    try:
        data = contents(TABLE)
    except ImageError as error:
        raise DataError(f"{place}: {TABLE}: {error.reason}; write one row an image") from error
    return read_csv(place / TABLE, data)


def _words(table: pd.DataFrame, column: str) -> "pd.Series[str]":
    """The texts of a column as they are meant, without blanks at their ends."""
    texts = table[column].fillna("").astype("str").str.strip()
    return as_meant(texts.to_frame(column))[column]


def _asked(table: pd.DataFrame, face_ids: "pd.Series[str]", changes: Changes) -> "pd.Series[float]":
    """The row of `changes` that each row of the user's table is, missing where it is none."""
    keys = ["face_id", "attribute", "value"]
    rows = changes.table[keys].astype({"value": "float64"})
    rows = rows.assign(asked=np.arange(len(changes.table), dtype=float))
    given = pd.DataFrame(
        {
            "face_id": face_ids.to_numpy(),
            "attribute": _words(table, "attribute").to_numpy(),
            "value": as_flags(_words(table, "value")).map(VALUES).to_numpy(float),
        }
    )
    return given.merge(rows, on=keys, how="left", validate="many_to_one")["asked"]


def _problems(
    table: pd.DataFrame,
    rows: Rows,
    face_ids: "pd.Series[str]",
    asked: "pd.Series[float]",
    names: Mapping[str, str],
) -> list[Problem]:
    strange = list(strange_faces(rows, face_ids, names))
    unknown = np.any([problem.has for problem in strange], axis=0)
    empty = (_words(table, "file") == "").to_numpy()
    first = first_alike(asked.to_frame())
    attribute, value = _words(table, "attribute"), _words(table, "value")
    return [
        *strange,
        Problem(
            asked.isna().to_numpy() & ~unknown,
            lambda row: (
                f"{attribute.iloc[row]} changed to {value.iloc[row]} is not asked of this face;"
                " changes.csv has what is"
            ),
        ),
        Problem(
            first != np.arange(len(table)),
            lambda row: f"a second row; {rows.place(first[row])} has the first; keep one",
        ),
        always(empty, "no file; name its image, or remove the row"),
    ]
