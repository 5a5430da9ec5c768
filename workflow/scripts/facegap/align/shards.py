"""One shard of a data set: its faces read, found, cut and written, in the order of their table."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap import tables
from facegap.align import geometry
from facegap.align.landmarks import Finder, chosen, open_landmarker
from facegap.files import whole
from facegap.images import ImageError, Images, open_images

AHEAD = 4  # images held at a time on either side of the detection; each may have max_pixels

Given = TypeVar("Given")
Made = TypeVar("Made")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Face:
    """A face of the table on its way through the shard; a `reason` sets it aside."""

    face_id: str
    path: str
    image: NDArray[np.uint8] | None = None  # (h, w, 3) RGB
    points: NDArray[np.float32] | None = None  # (68, 2)
    crops: tuple[NDArray[np.uint8], ...] = ()
    reason: str = ""


def align_shard(
    *,
    faces: str | Path,
    images: str | Path,
    model: str | Path,
    arrays: Sequence[str | Path],
    landmarks: str | Path,
    rejected: str | Path,
    shard: int,
    shards: int,
    crops: Mapping[str, Mapping[str, Any]],
    confidence: float,
    face: str,
    max_pixels: int,
) -> None:
    """Align the faces of shard number `shard` of `shards`, whole rows of the table `faces`.

    Writes an array for each crop (`arrays`, in the order of `crops`), uint8 (n, size, size, 3)
    RGB, and `landmarks`, both with one row for each aligned face, and the others to `rejected`.
    """
    table = tables.read(faces, tables.FACES)[["face_id", "path"]]
    rows = np.array_split(np.arange(len(table)), shards)[shard]
    cv2.setNumThreads(1)  # the job has one core
    aligned: list[Face] = []
    aside: list[Face] = []
    with ExitStack() as stack:
        source = stack.enter_context(open_images(images, max_pixels))
        find = stack.enter_context(open_landmarker(model, confidence))
        appends = [
            stack.enter_context(_growing(path, settings["size"]))
            for path, settings in zip(arrays, crops.values(), strict=True)
        ]
        for done in _aligned(table.iloc[rows], source, find, crops, face):
            for append, crop in zip(appends, done.crops, strict=False):  # none of a face set aside
                append(crop)
            (aside if done.reason else aligned).append(replace(done, crops=()))
    _write_tables(aligned, landmarks, aside, rejected)
    log.info("shard %d: %d faces aligned, %d set aside", shard, len(aligned), len(aside))


def _aligned(
    table: pd.DataFrame,
    images: Images,
    find: Finder,
    crops: Mapping[str, Mapping[str, Any]],
    which: str,
) -> Iterator[Face]:
    """The faces of `table` in order; images are read and crops cut while the next is searched."""
    faces = [Face(*row) for row in table.itertuples(index=False)]
    read = _ahead(partial(_read, images), faces)
    found = (_found(face, find, which) for face in read)
    return _ahead(partial(_cut, crops), found)


def _ahead(function: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """`function` of each item, in order, worked out in a thread, at most `AHEAD` items early."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Made]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read(images: Images, face: Face) -> Face:
    try:
        return replace(face, image=images.read(face.path))
    except ImageError as error:
        return replace(face, reason=error.reason)


def _found(face: Face, find: Finder, which: str) -> Face:
    if face.image is None:
        return face
    points = chosen(find(face.image), face.image.shape, which)
    if points is None:
        return replace(face, reason="no face found")
    if geometry.is_flat(points):
        return replace(face, reason="eyes and nose on one line")
    return replace(face, points=points)


def _cut(crops: Mapping[str, Mapping[str, Any]], face: Face) -> Face:
    """The face with its crops, and without its image, which may be large."""
    if face.image is None or face.points is None:
        return replace(face, image=None)
    cuts = (geometry.cut(face.image, face.points, crop, crops[crop]) for crop in crops)
    return replace(face, image=None, crops=tuple(cuts))


@contextmanager
def _growing(path: str | Path, size: int) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """A function that appends one crop to the array at `path`, which is whole when all are in.

    The rows are not known before; numpy leaves room in an array's header for more of them.
    """
    rows = 0
    with whole(path) as temporary, temporary.open("wb") as file:

        def write_header() -> None:
            header = {"descr": "|u1", "fortran_order": False, "shape": (rows, size, size, 3)}
            np.lib.format.write_array_header_1_0(file, header)

        def append(crop: NDArray[np.uint8]) -> None:
            nonlocal rows
            rows += 1
            file.write(np.ascontiguousarray(crop).data)

        write_header()
        yield append
        file.seek(0)
        write_header()


def _write_tables(
    aligned: list[Face], landmarks: str | Path, aside: list[Face], rejected: str | Path
) -> None:
    points = [face.points.ravel() for face in aligned if face.points is not None]
    found = pd.DataFrame(
        {
            "face_id": pd.Series([face.face_id for face in aligned], dtype=str),
            "landmarks": pd.Series(points, dtype=object),
        }
    )
    reasons = pd.DataFrame(
        [(face.path, face.face_id, face.reason) for face in aside],
        columns=["path", "face_id", "reason"],
        dtype=str,
    )
    tables.write(found, landmarks, tables.LANDMARKS)
    tables.write(reasons, rejected, tables.REJECTED)
