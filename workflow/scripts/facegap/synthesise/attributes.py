"""The binary attributes of faces: read from the table, and changed one at a time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap import tables
from facegap.errors import DataError

Labels = NDArray[np.float32]  # (n, attributes), 0 or 1


def read_labels(
    faces_parquet: str | Path, face_ids: "pd.Series[str]", attributes: Sequence[str]
) -> Labels:
    """The `attributes` of the faces `face_ids` (n,), float32 (n, attributes).

    Raises `DataError` naming what the table (FACES) has not.
    """
    faces = tables.read(faces_parquet, tables.FACES).set_index("face_id")
    require(faces, attributes, faces_parquet)
    unknown = face_ids[~face_ids.isin(faces.index)]
    if len(unknown):
        raise DataError(f"{faces_parquet}: no face {unknown.iloc[0]}; remake the stage synthesise")
    found: Labels = faces.loc[list(face_ids), list(attributes)].to_numpy(
        np.float32, na_value=np.nan
    )
    if np.isnan(found).any():
        raise DataError(f"{faces_parquet}: a face to be synthesised lacks an attribute")
    return found


def require(faces: pd.DataFrame, attributes: Sequence[str], place: str | Path) -> None:
    """Raise `DataError` unless `faces` has each of `attributes`, as 0, 1 or missing."""
    for name in attributes:
        if name not in faces or faces[name].isna().all():
            raise DataError(
                f"{place}: no values of the attribute {name}; take it out of"
                " synthesise.attributes (and synthesise.control), or give it to the data set"
            )
        values = pd.to_numeric(faces[name], errors="coerce")
        if not values[faces[name].notna()].isin([0, 1]).all():
            raise DataError(f"{place}: the attribute {name} has values other than 0 and 1")


def changed(
    labels: Labels, attribute: str, attributes: Sequence[str], exclusive: Sequence[Sequence[str]]
) -> tuple[Labels, NDArray[np.bool_]]:
    """`labels` with one attribute changed, and (n,) whether that changes anything.

    An attribute of an `exclusive` group is set and the others of its group are unset, so a face
    that has it stays as it is; any other attribute is reversed. As create_labels in solver.py of
    yunjey/stargan.
    """
    column, wanted = list(attributes).index(attribute), labels.copy()
    group = [list(attributes).index(name) for name in _group(attribute, attributes, exclusive)]
    if group:
        wanted[:, group] = 0
        wanted[:, column] = 1
    else:
        wanted[:, column] = 1 - labels[:, column]
    return wanted, wanted[:, column] != labels[:, column]


def _group(
    attribute: str, attributes: Sequence[str], exclusive: Sequence[Sequence[str]]
) -> list[str]:
    """All attributes that exclude `attribute`, and itself; none if nothing does."""
    for group in exclusive:
        if attribute in group:
            return [name for name in attributes if name in group]
    return []
