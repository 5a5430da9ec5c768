"""One shard of a data set: its faces read, found, cut and written, in the order of their table."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap import tables
from facegap.align import geometry
from facegap.align.landmarks import MOST_FACES, Finder, Found, chosen, open_landmarker
from facegap.errors import DataError
from facegap.files import whole
from facegap.images import ImageError, Images, decoded, open_images

TOGETHER = 16  # images read, or cut, in one go: each change of threads costs the detection time
PIXELS = 25_000_000  # of images read in one go, of which two lots are held; the last may go beyond
THUMBNAIL = 96  # pixels of the pictures of faces set aside

Append = Callable[[NDArray[np.uint8]], None]
Known = Mapping[str, tuple[str, tuple[Found, ...]]]  # by face_id: the image's digest, its faces

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Face:
    """A face of the table on its way through the shard; a `reason` sets it aside."""

    face_id: str
    path: str
    digest: str = ""  # of the image's file
    image: NDArray[np.uint8] | None = None  # (h, w, 3) RGB
    found: tuple[Found, ...] | None = None  # every face in the image
    points: NDArray[np.float32] | None = None  # (68, 2) of the face to align
    measures: tuple[float, ...] = ()  # size, sharpness, yaw, pitch, roll
    crops: tuple[NDArray[np.uint8], ...] = ()
    thumbnail: NDArray[np.uint8] | None = None
    reason: str = ""


def align_shard(
    *,
    faces: str | Path,
    images: str | Path,
    model: str | Path,
    arrays: Sequence[str | Path],
    landmarks: str | Path,
    measures: str | Path,
    rejected: str | Path,
    thumbnails: str | Path,
    shard: int,
    shards: int,
    crops: Mapping[str, Mapping[str, Any]],
    limits: Mapping[str, float],
    confidence: float,
    face: str,
    max_pixels: int,
) -> None:
    """Align the faces of shard number `shard` of `shards`, whole rows of the table `faces`.

    Writes an array for each crop (`arrays`, in the order of `crops`), uint8 (n, size, size, 3)
    RGB, and `landmarks`, both with one row for each aligned face, and the others to `rejected`,
    with small pictures of them in `thumbnails`, uint8 (n, 96, 96, 3). What was found in an image
    is kept beside `landmarks`, so that other crops, limits or choices need no new detection.
    """
    table = tables.read(faces, tables.FACES)[["face_id", "path"]]
    rows = np.array_split(np.arange(len(table)), shards)[shard]
    cv2.setNumThreads(1)  # the job has one core
    memory = Path(landmarks).with_name(f"found-{shard}.parquet")
    settings = _detection(model, confidence)
    with ExitStack() as stack:
        source = stack.enter_context(open_images(images, max_pixels))
        find = stack.enter_context(open_landmarker(model, confidence))
        appends = [
            stack.enter_context(_growing(path, crop["size"]))
            for path, crop in zip(arrays, crops.values(), strict=True)
        ]
        aside = stack.enter_context(_growing(thumbnails, THUMBNAIL))
        steps = (
            partial(_read, source),
            partial(_searched, find, _remembered(memory, settings)),
            lambda row: _written(_cut(crops, limits, _chosen(face, row)), appends, aside),
        )
        done = list(_aligned(table.iloc[rows], *steps))
    _write_tables(done, landmarks, measures, rejected)
    _remember(done, memory, settings)
    if crowded := [row.path for row in done if len(row.found or ()) >= MOST_FACES]:
        log.warning(
            "%d images have %d faces or more, of which the one to align may be left out, first %s",
            *(len(crowded), MOST_FACES, crowded[0]),
        )
    count = sum(not row.reason for row in done)
    log.info("shard %d: %d faces aligned, %d set aside", shard, count, len(done) - count)


def _aligned(
    table: pd.DataFrame,
    read: Callable[[Face], Face],
    find: Callable[[Face], Face],
    cut: Callable[[Face], Face],
) -> Iterator[Face]:
    """The faces of `table` in order.

    While some images are searched, a thread cuts and writes the faces found before them, and then
    reads the images after them.
    """
    faces = map(read, (Face(*row) for row in table.itertuples(index=False)))

    def cut_and_read(searched: list[Face]) -> tuple[list[Face], list[Face]]:
        done = [cut(searched.pop(0)) for _ in range(len(searched))]  # each image is let go
        return done, _some(faces)

    searched: list[Face] = []
    unsearched = _some(faces)
    with ThreadPoolExecutor(1) as thread:
        while searched or unsearched:
            beside = thread.submit(cut_and_read, searched)
            searched = [find(face) for face in unsearched]
            done, unsearched = beside.result()
            yield from done


def _some(faces: Iterator[Face]) -> list[Face]:
    """The next few, fewer where images are large."""
    some: list[Face] = []
    pixels = 0
    while len(some) < TOGETHER and pixels < PIXELS and (face := next(faces, None)):
        some.append(face)
        pixels += 0 if face.image is None else face.image.size // 3
    return some


def _read(images: Images, face: Face) -> Face:
    try:
        data = images.contents(face.path)
        image = decoded(data, face.path, images.max_pixels)
    except ImageError as error:
        return replace(face, reason=error.reason)
    return replace(face, image=image, digest=hashlib.blake2b(data, digest_size=16).hexdigest())


def _searched(find: Finder, known: Known, face: Face) -> Face:
    if face.image is None:
        return face
    before, faces = known.get(face.face_id, ("", ()))
    return replace(face, found=faces if before == face.digest else find(face.image))


def _chosen(which: str, face: Face) -> Face:
    if face.image is None:
        return face
    best = chosen(face.found or (), face.image.shape, which)
    if best is None:
        return replace(face, reason="no face found")
    if geometry.is_flat(best.points):
        return replace(face, reason="eyes and nose on one line")
    size = geometry.side(best.points)
    measures = (size, 0.0, *map(float, best.pose))  # sharpness follows
    return replace(face, points=best.points, measures=measures)


def _cut(crops: Mapping[str, Mapping[str, Any]], limits: Mapping[str, float], face: Face) -> Face:
    """The face with its crops, or a small picture of it, and without its image."""
    if face.image is None:
        return face
    image = face.image
    face = replace(face, image=None)
    if face.points is not None:
        size, _, *pose = face.measures
        face = replace(face, measures=(size, geometry.sharpness(image, face.points), *pose))
        face = replace(face, reason=beyond(face.measures, limits))
    if face.reason or face.points is None:
        face = replace(face, thumbnail=geometry.resized(image, THUMBNAIL))
    else:
        cuts = (geometry.cut(image, face.points, crop, crops[crop]) for crop in crops)
        face = replace(face, crops=tuple(cuts))
    return face


def beyond(measures: Sequence[float], limits: Mapping[str, float]) -> str:
    """The first of `limits` that a face of these measures is beyond, in words, or nothing."""
    size, sharpness, *pose = measures
    if size < limits["size"]:
        return f"face smaller than {limits['size']:g} pixels"
    if sharpness < limits["sharpness"]:
        return f"face blurred: sharpness below {limits['sharpness']:g}"
    for name, angle in zip(("yaw", "pitch", "roll"), pose, strict=True):
        if abs(angle) > limits[name]:
            return f"face turned: {name} beyond {limits[name]:g} degrees"
    return ""


def _written(face: Face, appends: Sequence[Append], aside: Append) -> Face:
    """The face without its pictures, which are written."""
    for append, crop in zip(appends, face.crops, strict=False):  # none of a face set aside
        append(crop)
    if face.reason:
        aside(_thumbnail(face))
    return replace(face, crops=(), thumbnail=None)


def _thumbnail(face: Face) -> NDArray[np.uint8]:
    if face.thumbnail is not None:
        return face.thumbnail
    return np.full((THUMBNAIL, THUMBNAIL, 3), 238, dtype=np.uint8)  # of what could not be read


@contextmanager
def _growing(path: str | Path, size: int) -> Iterator[Append]:
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
    done: Sequence[Face], landmarks: str | Path, measures: str | Path, rejected: str | Path
) -> None:
    aligned = [face for face in done if not face.reason]
    points = [face.points.ravel() for face in aligned if face.points is not None]
    found = pd.DataFrame(
        {
            "face_id": pd.Series([face.face_id for face in aligned], dtype=str),
            "landmarks": pd.Series(points, dtype=object),
        }
    )
    reasons = pd.DataFrame(
        [(face.path, face.face_id, face.reason) for face in done if face.reason],
        columns=["path", "face_id", "reason"],
        dtype=str,
    )
    measured = pd.DataFrame(
        [
            (face.face_id, len(face.found or ()), *face.measures, not face.reason)
            for face in done
            if face.measures
        ],
        columns=list(tables.FACE_MEASURES.columns),
    )
    tables.write(found, landmarks, tables.LANDMARKS)
    tables.write(measured, measures, tables.FACE_MEASURES)
    tables.write(reasons, rejected, tables.REJECTED)


def _detection(model: str | Path, confidence: float) -> str:
    """What a detection depends on, beside the image."""
    try:
        with Path(model).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        digest = ""  # said where it is opened
    return f"{digest} {confidence} {MOST_FACES} mediapipe {version('mediapipe')}"


def _remembered(memory: Path, settings: str) -> Known:
    """What an earlier run found in the images, if it looked with the same settings."""
    try:
        table = tables.read(memory, tables.FOUND)
        if tables.about(memory).get("detection") != settings:
            return {}
    except DataError:
        return {}
    log.info("what was found before in %d images is used again", len(table))
    columns = (table[name] for name in tables.FOUND.columns)
    return {
        face_id: (image, _faces(points, poses))
        for face_id, image, points, poses in zip(*columns, strict=True)
    }


def _faces(points: NDArray[np.float32], poses: NDArray[np.float32]) -> tuple[Found, ...]:
    shaped = np.asarray(points, np.float32).reshape(-1, 68, 2)
    return tuple(map(Found, shaped, np.asarray(poses, np.float32).reshape(-1, 3)))


def _remember(done: Sequence[Face], memory: Path, settings: str) -> None:
    rows = [
        (
            face.face_id,
            face.digest,
            np.array([one.points for one in face.found], np.float32).ravel(),
            np.array([one.pose for one in face.found], np.float32).ravel(),
        )
        for face in done
        if face.found is not None
    ]
    table = pd.DataFrame(rows, columns=list(tables.FOUND.columns))
    tables.write(table, memory, tables.FOUND, {"detection": settings})
