"""A drawn collection: persons of two groups, their pictures in one capture style, and the truth."""

import zipfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facegap.acquire.drawing import Capture, Colour, Face, draw
from facegap.acquire.splits import Sampling, split_table
from facegap.files import whole
from facegap.seeds import generator
from facegap.settings.acquire import Drawn
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.base import write_table

HAIR: dict[str, Colour] = {
    "Black_Hair": (38, 32, 34),
    "Brown_Hair": (116, 72, 42),
    "Blond_Hair": (224, 190, 112),
    "grey": (168, 166, 166),
}
GROUPS = ("A", "B")
SHAPE = {  # what tells the groups apart in any light, in half face widths: mean of A, mean of B
    "jaw": (0.030, -0.030),
    "length": (0.040, -0.040),
    "eye_distance": (0.022, -0.022),
    "brow_arch": (0.060, 0.005),
    "nose_width": (-0.015, 0.015),
}
TONE: dict[str, Colour] = {"A": (226, 178, 140), "B": (214, 166, 160)}  # what the light can hide
YOUNG = 40  # years; below it a face is Young


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
    cv2.setNumThreads(1)
    distance = drawn.capture_distance
    style = style_at(distance if dataset == "target" else 0.0)
    rows: list[dict[str, object]] = []
    persons = _persons(dataset, sampling.faces or 0, drawn, seed)
    with whole(images) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for subject, person, truth, picture in persons:
            face_id = f"{dataset}-{len(rows):06d}"
            rng = generator(seed, "drawn_picture", dataset=dataset, face_id=face_id)
            face = replace(person, smile=float(rng.random()), gaze=float(rng.uniform(-1, 1)))
            image, points = draw(face, _capture(style, rng), rng)
            name = f"{subject}/{picture:02d}.jpg"
            archive.writestr(_stored(name), _jpeg(image))
            rows.append(
                {
                    "face_id": face_id,
                    "path": name,
                    "subject_id": subject,
                    **truth,
                    "Smiling": int(face.smile > 0.5),
                    "landmarks": points.astype(np.float32).ravel(),
                }
            )
    table = pd.DataFrame(rows)
    rng = generator(seed, "split", dataset=dataset)
    table["split"] = split_table(table, sampling.split, rng, faces)
    flags = [*(name for name in HAIR if name != "grey"), "Male", "Young", "No_Beard", "Bangs"]
    flags += ["Eyeglasses", "Smiling"]
    table = table.astype(dict.fromkeys(flags, "Int8"))
    about = {"source": "drawn by facegap", "licence": "MIT", "capture distance": str(distance)}
    write_table(table, faces, FACES, about)
    nothing = pd.DataFrame({"path": [], "face_id": [], "reason": []})
    write_table(nothing, rejected, REJECTED)


def _persons(
    dataset: str, faces: int, settings: Drawn, seed: int
) -> Iterator[tuple[str, Face, dict[str, object], int]]:
    """Who is on every picture, what is true of them, and its number; 1 + Poisson pictures each."""
    rng = generator(seed, "drawn_persons", dataset=dataset)
    done = person = 0
    while done < faces:
        count = min(1 + int(rng.poisson(settings.pictures_per_person - 1)), faces - done)
        group = GROUPS[0] if rng.random() < settings.inside_share else GROUPS[1]
        subject = f"{dataset[0]}{person:05d}"
        face, truth = _person(
            generator(seed, "drawn_person", dataset=dataset, subject=subject), group
        )
        for picture in range(count):
            yield subject, face, truth, picture
        done, person = done + count, person + 1


def _person(rng: np.random.Generator, group: str) -> tuple[Face, dict[str, object]]:
    """A person of the group, with no expression yet, and its columns of the table."""
    male, young = bool(rng.random() < 0.5), bool(rng.random() < 0.55)
    age = round(float(rng.uniform(18, 36) if young else rng.uniform(48, 75)))
    colours = list(HAIR)
    hair = colours[rng.choice(4, p=[0.36, 0.32, 0.32, 0] if young else [0.27, 0.23, 0.25, 0.25])]
    beard, bangs = male and bool(rng.random() < 0.5), bool(rng.random() < 0.3)
    glasses = bool(rng.random() < 0.1)
    shape = {name: means[GROUPS.index(group)] for name, means in SHAPE.items()}
    face = Face(
        jaw=0.93 - 0.12 * (not male) + shape["jaw"] + rng.normal(0, 0.025),
        length=1.25 + 0.06 * male + shape["length"] + rng.normal(0, 0.035),
        eye_distance=0.42 + shape["eye_distance"] + rng.normal(0, 0.01),
        eye_size=0.20 + 0.02 * (not male) + rng.normal(0, 0.008),
        brow_arch=shape["brow_arch"] + rng.normal(0, 0.015),
        brow_thickness=0.09 if male else 0.055,
        nose_width=0.21 + shape["nose_width"] + rng.normal(0, 0.012),
        mouth_width=0.34 + rng.normal(0, 0.02),
        skin=_near(TONE[group], rng, 4, 10),
        iris=_near((85, 90, 95), rng, 25, 10),
        hair=_near(HAIR[hair], rng, 5, 7),
        lips=_near((188, 98, 96) if male else (206, 72, 88), rng, 6, 5),
        clothes=_near((110, 110, 120), rng, 35, 25),
        hair_volume=rng.uniform(0.03, 0.12) if male else rng.uniform(0.08, 0.18),
        long_hair=not male and bool(rng.random() < 0.85),
        bangs=bangs,
        beard=beard,
        glasses=glasses,
        lines=max(0.0, (age - YOUNG) / 35),
        smile=0.0,
        gaze=0.0,
    )
    truth: dict[str, object] = {
        "age": float(age),
        "gender": "male" if male else "female",
        "race_raw": None,
        "group": group,
        **{name: int(name == hair) for name in HAIR if name != "grey"},
        "Male": int(male),
        "Young": int(young),
        "No_Beard": int(not beard),
        "Bangs": int(bangs),
        "Eyeglasses": int(glasses),
    }
    return face, truth


def _near(colour: Colour, rng: np.random.Generator, tint: float, shade: float) -> Colour:
    """A random colour near another: each channel by `tint`, all together by `shade`."""
    red, green, blue = np.clip(
        np.array(colour) + rng.normal(0, tint, 3) + rng.normal(0, shade), 0, 255
    ).tolist()
    return red, green, blue


def _capture(style: Style, rng: np.random.Generator) -> Capture:
    """One picture's light, pose and background."""
    width, height = round(style.width), round(style.height)
    exposure = 1 + style.exposure * float(np.clip(rng.normal(), -2, 2))
    gains = [
        exposure * (mean + rng.normal(0, style.tint))
        for mean in (style.red, style.green, style.blue)
    ]
    backdrop = [_near((135, 138, 142), rng, style.colourful, 18) for _ in range(2)]
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
