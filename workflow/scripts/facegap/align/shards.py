"""One shard of a data set: its faces read, found, cut and written, in the order of their table."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.align import geometry
from facegap.align.growing import Growing, growing
from facegap.align.landmarks import MOST_FACES, Finder, Found, chosen, open_landmarker
from facegap.align.memory import Known, detection_id, image_digest, remember, remembered
from facegap.align.tones import Tones, tones
from facegap.apart import apart
from facegap.decoding import ImageError, decoded
from facegap.images import Images, open_images
from facegap.settings.align import Align, Crop, Limits
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.align import LANDMARKS, MEASURES
from facegap.tables.base import read_table, write_table

THUMBNAIL = 96  # pixels of the pictures of rejected faces

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Face:
    """A face of the table on its way through the shard; a `reason` rejects it."""

    face_id: str
    path: str
    digest: str = ""  # of the image's file
    image: NDArray[np.uint8] | None = None  # (h, w, 3) RGB
    found: tuple[Found, ...] | None = None  # every face in the image
    points: NDArray[np.float32] | None = None  # (68, 2) of the face to align
    measures: tuple[float, ...] = ()  # size, sharpness, yaw, pitch, roll
    expression: tuple[float, ...] = ()  # blink, smile
    tones: Tones | None = None
    crops: tuple[NDArray[np.uint8], ...] = ()
    thumbnail: NDArray[np.uint8] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Written:
    """The arrays of a shard: the aligned faces' crops, and small pictures of the others."""

    crops: Sequence[Growing]
    thumbnails: Growing

    def count(self, face: Face) -> None:
        """Count the face's rows."""
        for array in [self.thumbnails] if face.reason else self.crops:
            array.rows += 1


def align_shard(
    *,
    faces: Path,
    images: Path,
    model: Path,
    arrays: list[Path],
    landmarks: Path,
    measures: Path,
    rejected: Path,
    thumbnails: Path,
    settings: Align,
    shard: int,
) -> None:
    """Align the faces of shard number `shard`, whole rows of the table `faces` (FACES).

    Writes an array for each crop (`arrays`, in the order of the settings' crops), uint8
    (n, size, size, 3) RGB, and `landmarks`, both with one row for each aligned face, and the
    others to `rejected`, with small pictures of them in `thumbnails`, uint8 (n, 96, 96, 3). What
    was found in an image is stored beside `landmarks`, so that other crops, limits or choices need
    no new detection.
    """
    table = read_table(faces, FACES)[["face_id", "path"]]
    rows = np.array_split(np.arange(len(table)), settings.shards)[shard]
    inputs = [Face(*row) for row in table.iloc[rows].itertuples(index=False)]
    memory = landmarks.with_name(f"found-{shard}.parquet")
    detection = detection_id(model, settings.confidence)
    if known := remembered(memory, detection):
        log.info("what was found before in %d images is used again", len(known))
    with ExitStack() as stack:
        crops = [
            stack.enter_context(growing(path, crop.size))
            for path, crop in zip(arrays, settings.crops.written().values(), strict=True)
        ]
        written = Written(crops, stack.enter_context(growing(thumbnails, THUMBNAIL)))
        source = stack.enter_context(open_images(images, settings.max_pixels))
        work = partial(
            _worked, source=source, model=model, settings=settings, known=known, written=written
        )
        done = []
        for face in apart(work, inputs, partial(_lost, written=written)):
            written.count(face)  # the other process has a count of its own
            done.append(face)
    _write_tables(done, landmarks, measures, rejected)
    found = ((face.face_id, face.digest, face.found) for face in done if face.found is not None)
    remember(found, memory, detection)
    if crowded := [face.path for face in done if len(face.found or ()) >= MOST_FACES]:
        log.warning(
            "%d images have %d faces or more, of which the one to align may be left out, first %s",
            *(len(crowded), MOST_FACES, crowded[0]),
        )
    count = sum(not face.reason for face in done)
    log.info("shard %d: %d faces aligned, %d rejected", shard, count, len(done) - count)


def _worked(
    faces: Sequence[Face],
    *,
    source: Images,
    model: Path,
    settings: Align,
    known: Known,
    written: Written,
) -> Iterator[Face]:
    """Each of `faces` without its pictures, which are written."""
    crops = settings.crops.written()
    with open_landmarker(model, settings.confidence) as find:
        for face in faces:
            searched = _searched(find, known, _read(source, face))
            cut = _cut(crops, settings.limits, _chosen(settings.face, searched))
            yield _written(cut, written)
            written.count(cut)


def _lost(face: Face, reason: str, *, written: Written) -> Face:
    return _written(replace(face, reason=reason), written)


def _read(images: Images, face: Face) -> Face:
    try:
        data = images.contents(face.path)
        image = decoded(data, face.path, images.max_pixels)
    except ImageError as error:
        return replace(face, reason=error.reason)
    return replace(face, image=image, digest=image_digest(data))


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
    size = geometry.face_size(best.points)
    measures = (size, 0.0, *map(float, best.pose))  # sharpness follows
    expression = tuple(map(float, best.expression))
    return replace(face, points=best.points, measures=measures, expression=expression)


def _cut(crops: Mapping[str, Crop], limits: Limits, face: Face) -> Face:
    """The face with its crops, or a small picture of it, and without its image."""
    if face.image is None:
        return face
    image = face.image
    face = replace(face, image=None)
    if face.points is not None:
        size, _, *pose = face.measures
        measures = (size, geometry.sharpness(image, face.points), *pose)
        face = replace(face, measures=measures, tones=tones(image, face.points))
        face = replace(face, reason=beyond(face.measures, limits))
    if face.reason or face.points is None:
        face = replace(face, thumbnail=geometry.resized(image, THUMBNAIL))
    else:
        points = face.points
        cuts = (geometry.cut(image, points, name, crop) for name, crop in crops.items())
        face = replace(face, crops=tuple(cuts))
    return face


def beyond(measures: Sequence[float], limits: Limits) -> str:
    """The first of `limits` that a face of these measures is beyond, in words, or nothing."""
    size, sharpness, *pose = measures
    if size < limits.size:
        return f"face smaller than {limits.size:g} pixels"
    if sharpness < limits.sharpness:
        return f"face blurred: sharpness below {limits.sharpness:g}"
    for name, angle in zip(("yaw", "pitch", "roll"), pose, strict=True):
        if abs(angle) > (limit := getattr(limits, name)):
            return f"face turned: {name} beyond {limit:g} degrees"
    return ""


def _written(face: Face, written: Written) -> Face:
    """The face without its pictures, which are written."""
    for array, crop in zip(written.crops, face.crops, strict=False):  # none of a rejected face
        array.write(crop)
    if face.reason:
        written.thumbnails.write(_thumbnail(face))
    return replace(face, crops=(), thumbnail=None)


def _thumbnail(face: Face) -> NDArray[np.uint8]:
    if face.thumbnail is not None:
        return face.thumbnail
    return np.full((THUMBNAIL, THUMBNAIL, 3), 238, dtype=np.uint8)  # of what could not be read


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
            (
                *(face.face_id, len(face.found or ()), *face.measures, *face.expression),
                *(*face.tones, not face.reason),
            )
            for face in done
            if face.tones
        ],
        columns=list(MEASURES.columns),
    )
    write_table(found, landmarks, LANDMARKS)
    write_table(measured, measures, MEASURES)
    write_table(reasons, rejected, REJECTED)
