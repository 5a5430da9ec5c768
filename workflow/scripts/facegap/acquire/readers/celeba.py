"""CelebA: images, and text files of attributes, identities, parts and landmarks."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facegap.acquire.readers.alike import refuse_look_alikes
from facegap.acquire.readers.parts import (
    Collection,
    by_name,
    images_in,
    lines_of,
    refuse_duplicates,
    refuse_ours,
    rejected_row,
    rejected_rows,
    two_columns,
)
from facegap.errors import DataError
from facegap.tables.acquire import KNOWN, OURS

CELEBA_POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")


def read(images: Path, texts: Sequence[Path]) -> Collection:
    """CelebA from its images (zip or folder) and its text files.

    Attributes become 0 and 1; gender is `Male`; the five landmarks, when given, are the column
    `official_landmarks`, float32 (10,): x and y of both eyes, nose and corners of the mouth.
    Images without a row, and rows without an image, are rejected when they are few; files that
    do not belong together are a `DataError`.
    """
    named = {path.name: path for path in texts}
    attributes, identities = named["list_attr_celeba.txt"], named["identity_CelebA.txt"]
    table = _celeba_attributes(attributes)
    further: list[tuple[Path, str, Mapping[str, object]]] = [
        (identities, "subject_id", two_columns(identities)),
    ]
    if landmarks := named.get("list_landmarks_align_celeba.txt"):
        further.append((landmarks, "official_landmarks", _celeba_landmarks(landmarks)))
    for path, column, values in further:
        for name in table.index.difference(list(values)):
            raise DataError(f"{path}: no row for {name}, which {attributes} names")
        own = [values[str(name)] for name in table.index]
        table[column] = pd.Series(own, index=table.index, dtype=object).infer_objects()
    paths, others = images_in(images)
    names = pd.Series(by_name(paths, lambda path: PurePosixPath(path).name, images))
    both = table.index.intersection(names.index, sort=False)
    missing, unnamed = table.index.difference(both), names.index.difference(both)
    refuse_look_alikes(list(missing), list(unnamed), len(table), attributes, images)
    if len(both) < 0.5 * max(len(table), len(names)):
        raise DataError(
            f"{attributes} and {images} do not belong together: of {len(table)} rows and"
            f" {len(names)} images {len(both)} have the same name"
        )
    rejected = rejected_rows(others)
    rejected += [
        rejected_row(name, f"a row of {Path(attributes).name}, but no image") for name in missing
    ]
    rejected += [
        rejected_row(names[name], f"no row in {Path(attributes).name}") for name in unnamed
    ]
    table = table.loc[both]
    table["path"] = names[both]
    table["gender"] = np.where(table["Male"] == 1, "male", "female")
    table["age"], table["race_raw"] = np.nan, None
    return Collection(table, rejected, "CelebA", "non-commercial research only")


def _celeba_attributes(path: str | Path) -> pd.DataFrame:
    """The table of attributes (0 and 1, Int8), by file name; two header lines, then the rows."""
    lines = lines_of(path)
    if len(lines) < 3 or not lines[0].isdigit():
        raise DataError(f"{path}: not CelebA's: line 1 has to be the number of images")
    names, rows = lines[1].split(), [line.split() for line in lines[2:]]
    if len(rows) != int(lines[0]):
        raise DataError(f"{path}: line 1 says {lines[0]} images, {len(rows)} rows follow")
    for number, row in enumerate(rows, 3):
        if len(row) != len(names) + 1 or not set(row[1:]) <= {"1", "-1"}:
            raise DataError(
                f"{path}, line {number}: a file name and {len(names)} values of 1 or -1 belong here"
            )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}, line 2: two attributes are called {twice}; rename one")
    refuse_ours(names, {*KNOWN, *OURS}, f"{path}, line 2")
    table = pd.DataFrame([row[1:] for row in rows], columns=names, index=[row[0] for row in rows])
    refuse_duplicates(table.index, path)
    if "Male" not in table:
        raise DataError(f"{path}, line 2: no attribute Male")
    return (table == "1").astype("Int8")


def _celeba_landmarks(path: str | Path) -> dict[str, np.ndarray]:
    """File name to five points (10,) float32; two header lines, then the rows."""
    lines = lines_of(path)
    names = [f"{point}_{axis}" for point in CELEBA_POINTS for axis in "xy"]
    if len(lines) < 3 or lines[1].split() != names:
        raise DataError(f"{path}, line 2: not CelebA's: {' '.join(names)} belong here")
    if lines[0] != str(len(lines) - 2):
        raise DataError(f"{path}: line 1 says {lines[0]} images, {len(lines) - 2} rows follow")
    points: dict[str, np.ndarray] = {}
    for number, line in enumerate(lines[2:], 3):
        name, *values = line.split()
        if name in points:
            raise DataError(f"{path}: {name} has two rows")
        try:
            points[name] = np.array(values, dtype=np.float32).reshape(10)
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: a file name and 10 numbers belong here"
            ) from error
    return points
