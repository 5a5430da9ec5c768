"""What was found in images, kept beside a shard: other crops or limits need no new detection."""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.align.landmarks import MOST_FACES, Found
from facegap.code import digests
from facegap.errors import DataError
from facegap.tables.align import FOUND
from facegap.tables.base import metadata, read_table, write_table

Known = Mapping[str, tuple[str, tuple[Found, ...]]]  # by face_id: the image's digest, its faces


def image_digest(data: bytes) -> str:
    """Digest of an image's file, by which it is known again."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def detection_id(model: str | Path, confidence: float) -> str:
    """What a detection depends on, beside the image."""
    try:
        with Path(model).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        digest = ""  # said where it is opened
    code = digests(["align.landmarks", "images", "decoding"])
    return f"{digest} {confidence} {MOST_FACES} mediapipe {version('mediapipe')} {code}"


def remembered(memory: Path, detection: str) -> Known:
    """What an earlier run found in the images, if it looked with the same settings."""
    try:
        table = read_table(memory, FOUND)
        if metadata(memory).get("detection") != detection:
            return {}
    except DataError:
        return {}
    columns = (table[name] for name in FOUND.columns)
    return {
        face_id: (image, _faces(*found)) for face_id, image, *found in zip(*columns, strict=True)
    }


def remember(
    found: Iterable[tuple[str, str, tuple[Found, ...]]], memory: Path, detection: str
) -> None:
    """Write what was found (face_id, the image's digest, its faces) for the next run."""
    rows = [
        (
            *(face_id, image),
            np.array([one.points for one in faces], np.float32).ravel(),
            np.array([one.pose for one in faces], np.float32).ravel(),
            np.array([one.expression for one in faces], np.float32).ravel(),
        )
        for face_id, image, faces in found
    ]
    table = pd.DataFrame(rows, columns=list(FOUND.columns))
    write_table(table, memory, FOUND, {"detection": detection})


def _faces(*parts: NDArray[np.float32]) -> tuple[Found, ...]:
    shapes = ((-1, 68, 2), (-1, 3), (-1, 2))
    shaped = (
        np.asarray(part, np.float32).reshape(shape)
        for part, shape in zip(parts, shapes, strict=True)
    )
    return tuple(map(Found, *shaped))
