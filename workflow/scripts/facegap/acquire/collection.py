"""A drawn collection: pictures of drawn persons in one capture style, and the truth."""

import zipfile
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.acquire.drawing import Capture, draw
from facegap.acquire.persons import HAIR, Picture, fresh_pictures, near, pictures_of, tested
from facegap.acquire.splits import Sampling, split_table
from facegap.decoding import decoded
from facegap.files import whole
from facegap.images import MAX_PIXELS
from facegap.seeds import generator
from facegap.settings.acquire import Drawn
from facegap.settings.measure import KnownTruth
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.base import write_table


@dataclass(frozen=True)
class Style:
    """How a collection is photographed. Lengths are shares of the picture's width."""

    width: float  # pixels
    height: float
    centre_x: float
    centre_y: float  # of the face's origin, between the eyes
    centre_spread: float
    scale: float  # half the face's width
    scale_spread: float
    roll: float  # radians, spread
    yaw: float
    light: float  # spread of its direction
    red: float  # mean gain per channel
    green: float
    blue: float
    exposure: float  # spread of the gain of all channels
    tint: float  # spread of the gain of each
    colourful: float  # spread of the backdrop's colours, grey levels
    clutter: float
    noise: float


SOURCE = Style(
    *(200, 200, 0.50, 0.43, 0.015, 0.31, 0.05, 0.09, 0.20),
    *(0.14, 1.0, 1.0, 1.0, 0.10, 0.02, 8.0, 0.0, 4.0),
)
TARGET = Style(  # its light is cooler: what is tone A in the source looks like B here
    *(178, 218, 0.50, 0.60, 0.015, 0.245, 0.05, 0.07, 0.15),
    *(0.05, 0.96, 0.95, 1.07, 0.04, 0.02, 22.0, 0.7, 2.0),
)


def style_at(distance: float) -> Style:
    """The target's style, `distance` (0 to 1) of the way from the source's to its own."""
    ends = zip(astuple(SOURCE), astuple(TARGET), strict=True)
    return Style(*(round(a + distance * (b - a), 9) for a, b in ends))


def distance_of(dataset: str, drawn: Drawn) -> float:
    """The capture distance at which a data set is drawn: 0, the source's style, but the target."""
    return drawn.capture_distance if dataset == "target" else 0.0


def draw_faces(
    *,
    faces: Path,
    images: Path,
    rejected: Path,
    sampling: Sampling,
    drawn: Drawn,
    dataset: str,
    seed: int,
) -> None:
    """Draw pictures into a zip of JPEGs and write their table, with the true landmarks.

    The source is drawn in the source's style, the target `capture_distance` of the way to the
    target's: at 0 both collections come from one distribution. Persons, pictures and the split
    have streams of their own, so a change of style changes nobody.
    """
    distance = distance_of(dataset, drawn)
    pictures = pictures_of(dataset=dataset, sampling=sampling, drawn=drawn, seed=seed)
    table = _archived(pictures, distance, drawn.dim.get(dataset, 0.0), seed, images)
    rng = generator(seed, "split", dataset=dataset)
    table["split"] = split_table(table, sampling.split, rng, faces, tested(sampling))
    write_table(table, faces, FACES, _about(distance))
    nothing = pd.DataFrame({"path": [], "face_id": [], "reason": []})
    write_table(nothing, rejected, REJECTED)


def draw_fresh_faces(
    *,
    faces: Path,
    images: Path,
    sampling: Sampling,
    drawn: Drawn,
    known_truth: KnownTruth,
    style: str,
    seed: int,
) -> None:
    """Draw a picture each of persons of the target's population who are not in it.

    In the style of the data set `style`: the same persons in both from the same streams, so that
    their pictures differ by the style alone. They are for the truth that a study is compared with;
    `known_truth` says how many.
    """
    distance, persons = distance_of(style, drawn), known_truth.persons
    if style == "source":
        persons = min(persons, known_truth.both_styles)
    pictures = fresh_pictures(
        dataset="target", sampling=sampling, drawn=drawn, seed=seed, persons=persons
    )
    dim = drawn.dim.get(style, 0.0)
    table = _archived(pictures, distance, dim, seed, images).assign(split="test")
    write_table(table, faces, FACES, _about(distance))


def _archived(
    pictures: Sequence[Picture], distance: float, dim: float, seed: int, images: Path
) -> pd.DataFrame:
    """Draw the pictures into a zip of JPEGs, a share `dim` of them in next to no light; their
    table, without a split.
    """
    cv2.setNumThreads(1)
    rows: list[dict[str, object]] = []
    with whole(images) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for picture in pictures:
            encoded, row = _drawn(picture, style_at(distance), seed, dim)
            archive.writestr(_stored(picture.path), encoded)
            rows.append(row)
    return _table(rows)


def _about(distance: float) -> dict[str, str]:
    return {"source": "drawn by facegap", "licence": "MIT", "capture distance": str(distance)}


@dataclass(frozen=True)
class Drawings:
    """Pictures drawn in one style."""

    images: NDArray[np.uint8]  # (n, h, w, 3) RGB, as they are read from a data set's JPEGs
    landmarks: NDArray[np.float32]  # (n, 68, 2), the true ones, pixels
    faces: pd.DataFrame  # n rows with the columns of FACES but split


def draw_pictures(pictures: Sequence[Picture], *, distance: float, seed: int) -> Drawings:
    """Draw `pictures` at a capture distance of `distance`, whichever their data set's own is.

    Person, expression, pose and light come from the picture's own streams (`seed`: the study's),
    so pictures drawn at two distances differ by the style alone, and pictures drawn at their data
    set's own (`distance_of`) are its images, pixel for pixel. For many take a part at a time: an
    image has 120 kB.
    """
    cv2.setNumThreads(1)
    if not pictures:
        raise ValueError("no pictures to draw")
    style = style_at(distance)
    drawn = [_drawn(picture, style, seed) for picture in pictures]
    images = np.stack([decoded(encoded, str(row["path"]), MAX_PIXELS) for encoded, row in drawn])
    table = _table([row for _, row in drawn])
    points = np.stack(table["landmarks"].to_list()).reshape(-1, 68, 2)
    return Drawings(images, points, table)


def _drawn(
    picture: Picture, style: Style, seed: int, dim: float = 0.0
) -> tuple[bytes, dict[str, object]]:
    """One picture in a style, as a JPEG, and its row of the table of faces."""
    rng = generator(seed, "drawn_picture", dataset=picture.dataset, face_id=picture.face_id)
    face = replace(picture.person, smile=float(rng.random()), gaze=float(rng.uniform(-1, 1)))
    image, points = draw(face, _capture(style, rng), rng)
    row: dict[str, object] = {
        "face_id": picture.face_id,
        "path": picture.path,
        "subject_id": picture.subject_id,
        **picture.truth,
        "Smiling": int(face.smile > 0.5),
        "landmarks": points.astype(np.float32).ravel(),
    }
    if dim:
        names = {"dataset": picture.dataset, "face_id": picture.face_id}
        rng = generator(seed, "dim_picture", **names)
        if rng.random() < dim:
            image = _dimmed(image, rng)
    return _jpeg(image), row


def _dimmed(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """`image` (h, w, 3) in a fifth to a third of the light, with the noise of a sensor that needs
    more.
    """
    grain = rng.normal(0, 6, (image.shape[0] // 3 + 1, image.shape[1] // 3 + 1, 3))
    noise = grain.repeat(3, 0).repeat(3, 1)[: image.shape[0], : image.shape[1]]
    dark: NDArray[np.uint8] = (rng.uniform(0.2, 0.33) * image + noise).clip(0, 255).astype(np.uint8)
    return dark


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    flags = [*(name for name in HAIR if name != "grey"), "Male", "Young", "No_Beard", "Bangs"]
    flags += ["Eyeglasses", "Smiling"]
    return pd.DataFrame(rows).astype(dict.fromkeys(flags, "Int8"))


def _capture(style: Style, rng: np.random.Generator) -> Capture:
    """One picture's light, pose and background."""
    width, height = round(style.width), round(style.height)
    exposure = 1 + style.exposure * float(np.clip(rng.normal(), -2, 2))
    gains = [
        exposure * (mean + rng.normal(0, style.tint))
        for mean in (style.red, style.green, style.blue)
    ]
    backdrop = [near((135, 138, 142), rng, style.colourful, 18) for _ in range(2)]
    return Capture(
        width=width,
        height=height,
        centre=(
            width * (style.centre_x + rng.normal(0, style.centre_spread)),
            width * (style.centre_y + rng.normal(0, style.centre_spread)),
        ),
        scale=width * style.scale * (1 + rng.normal(0, style.scale_spread)),
        roll=rng.normal(0, style.roll),
        yaw=float(np.clip(rng.normal(0, style.yaw), -0.4, 0.4)),
        light=(rng.normal(0, style.light), rng.normal(-0.06, style.light / 2)),
        gain=(gains[0], gains[1], gains[2]),
        backdrop=(backdrop[0], backdrop[1]),
        clutter=style.clutter,
        noise=style.noise,
    )


def _jpeg(image: np.ndarray) -> bytes:
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return encoded.tobytes()


def _stored(name: str) -> zipfile.ZipInfo:
    """A zip member with a fixed time, so that the same faces are the same bytes."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
