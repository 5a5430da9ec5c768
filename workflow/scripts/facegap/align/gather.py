"""The shards' tables as one, and the check that no face was lost."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.files import whole
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.align import ALIGNED, LANDMARKS, MEASURES
from facegap.tables.base import read_table, write_table

log = logging.getLogger(__name__)


def gather_shards(
    *,
    faces: Path,
    shard_landmarks: list[Path],
    shard_measures: list[Path],
    shard_rejected: list[Path],
    shard_thumbnails: list[Path],
    aligned: Path,
    landmarks: Path,
    measures: Path,
    rejected: Path,
    thumbnails: Path,
) -> None:
    """Join the tables of all shards, each list in the shards' order.

    A `DataError` says so when no face at all was aligned, or when the shards do not hold exactly
    the faces of the table `faces`.
    """
    points = pd.concat([read_table(path, LANDMARKS) for path in shard_landmarks], ignore_index=True)
    others = pd.concat([read_table(path, REJECTED) for path in shard_rejected])
    wanted = read_table(faces, FACES)["face_id"]
    _check(wanted, points["face_id"], others, faces)
    measured = pd.concat([read_table(path, MEASURES) for path in shard_measures])
    write_table(points, landmarks, LANDMARKS)
    write_table(measured, measures, MEASURES)
    write_table(others, rejected, REJECTED)
    with whole(thumbnails) as temporary:
        np.save(temporary, np.concatenate([np.load(path) for path in shard_thumbnails]))
    write_table(points[["face_id"]].assign(row=range(len(points))), aligned, ALIGNED)
    log.info("%d of %d faces aligned", len(points), len(wanted))
    for reason, count in others["reason"].value_counts().sort_index().items():
        log.info("rejected, %s: %d", reason, count)


def _check(wanted: pd.Series, found: pd.Series, rejected: pd.DataFrame, faces: Path) -> None:
    if found.empty:
        reasons = "; ".join(sorted(set(rejected["reason"]))[:5]) or "the table has no faces"
        raise DataError(f"{faces}: none of its {len(wanted)} faces could be aligned ({reasons})")
    if sorted([*found, *rejected["face_id"]]) != sorted(wanted):
        raise DataError(f"{faces}: not the faces that were aligned; run the stage align again")
