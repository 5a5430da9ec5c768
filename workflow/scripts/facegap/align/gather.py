"""The shards' tables as one, and the check that no face was lost."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facegap import tables
from facegap.errors import DataError
from facegap.files import whole

log = logging.getLogger(__name__)


def gather_shards(
    *,
    faces: str | Path,
    shard_landmarks: Sequence[str | Path],
    shard_measures: Sequence[str | Path],
    shard_rejected: Sequence[str | Path],
    shard_thumbnails: Sequence[str | Path],
    aligned: str | Path,
    landmarks: str | Path,
    measures: str | Path,
    rejected: str | Path,
    thumbnails: str | Path,
) -> None:
    """Join the tables of all shards, given in the shards' order.

    A `DataError` says so when no face at all was aligned, or when the shards do not hold exactly
    the faces of the table `faces`.
    """
    found = [tables.read(path, tables.LANDMARKS) for path in shard_landmarks]
    aside = pd.concat([tables.read(path, tables.REJECTED) for path in shard_rejected])
    points = pd.concat(found, ignore_index=True)
    asked = tables.read(faces, tables.FACES)["face_id"]
    _check(asked, points["face_id"], aside, faces)
    rows = pd.concat(
        part[["face_id"]].assign(shard=number, row=range(len(part)))
        for number, part in enumerate(found)
    )
    measured = pd.concat([tables.read(path, tables.FACE_MEASURES) for path in shard_measures])
    tables.write(points, landmarks, tables.LANDMARKS)
    tables.write(measured, measures, tables.FACE_MEASURES)
    tables.write(aside, rejected, tables.REJECTED)
    with whole(thumbnails) as temporary:
        np.save(temporary, np.concatenate([np.load(path) for path in shard_thumbnails]))
    tables.write(rows, aligned, tables.ALIGNED)
    log.info("%d of %d faces aligned", len(rows), len(asked))
    for reason, count in aside["reason"].value_counts().sort_index().items():
        log.info("set aside, %s: %d", reason, count)


def _check(asked: pd.Series, found: pd.Series, aside: pd.DataFrame, faces: str | Path) -> None:
    if found.empty:
        reasons = "; ".join(sorted(set(aside["reason"]))[:5]) or "the table has no faces"
        raise DataError(f"{faces}: none of its {len(asked)} faces could be aligned ({reasons})")
    held = sorted([*found, *aside["face_id"]])
    if held != sorted(asked):
        raise DataError(f"{faces}: not the faces that were aligned; run the stage align again")
