"""A sheet of translations to look at: real faces, and each with one attribute changed.

Put together with Pillow: a job that translates has no need of the plotting libraries.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from facegap.files import whole

EACH = 4  # faces a domain
TILE, GAP, BREAK = 160, 8, 28  # pixels of an image, between images, and between the domains
TOP, LEFT = 40, 44  # room for the words
INK, PALE = "#1A1A1A", "#8A8A8A"
KINDS = {"real": "original", "reconstruction": "reconstruction"}  # by the columns' titles


def write_sheet(
    table: pd.DataFrame,
    images: NDArray[np.uint8],
    attributes: Sequence[str],
    sides: Mapping[str, str],
    sheet: Path,
) -> None:
    """Show `EACH` faces of both domains, a row a face, alternating over the control's values.

    `table` (TRANSLATIONS) is that of `images` (n, s, s, 3). The faces are the same for every
    seed. "has it" stands where a face has an attribute that can only be set.
    """
    titles = [*KINDS, *attributes]
    originals = table[table["kind"] == "original"]
    chosen = {str(domain): faces_shown(part) for domain, part in originals.groupby("domain")}
    height = TOP + sum(len(faces) * (TILE + GAP) for faces in chosen.values()) + BREAK
    picture = Image.new("RGB", (LEFT + len(titles) * (TILE + GAP), height), "white")
    pen = ImageDraw.Draw(picture)
    for k, title in enumerate(titles):
        middle = LEFT + k * (TILE + GAP) + TILE // 2
        pen.text((middle, TOP // 2), title.replace("_", " "), INK, _font(17), anchor="mm")
    y = TOP
    for domain, faces in chosen.items():
        side = sides["inside" if domain == "in-domain" else "outside"]
        _write_upright(picture, f"{side} ({domain})", y + len(faces) * (TILE + GAP) // 2)
        for face in faces:
            own = table[table["face_id"] == face]
            picture.paste(row_of_images(own, attributes, images), (LEFT, y))
            y += TILE + GAP
        y += BREAK
    with whole(sheet) as temporary:
        picture.save(temporary)


def row_of_images(
    own: pd.DataFrame, attributes: Sequence[str], images: NDArray[np.uint8]
) -> Image.Image:
    """One face's images side by side: those of `KINDS`, then one for each of `attributes`.

    `own` are the face's rows of the table (TRANSLATIONS) of `images` (n, s, s, 3).
    """
    shown = [own[own["kind"] == kind] for kind in KINDS.values()]
    shown += [own[own["attribute"] == name] for name in attributes]
    row = Image.new("RGB", (len(shown) * (TILE + GAP) - GAP, TILE), "white")
    for k, fits in enumerate(shown):
        _paste(row, k * (TILE + GAP), fits, images)
    return row


def faces_shown(faces: pd.DataFrame) -> list[str]:
    """The first faces of each value of the control in turn, a person once."""
    originals = faces.drop_duplicates("subject_id")
    turn = originals.groupby("control", dropna=False).cumcount()
    ordered = originals.assign(turn=turn).sort_values(["turn", "control"], kind="stable")
    return list(ordered["face_id"].head(EACH))


def _paste(row: Image.Image, left: int, fits: pd.DataFrame, images: NDArray[np.uint8]) -> None:
    """The first image of the rows `fits`, marked with what was done to the attribute."""
    pen = ImageDraw.Draw(row)
    if fits.empty:
        pen.text((left + TILE // 2, TILE // 2), "has it", PALE, _font(15), anchor="mm")
        return
    image = Image.fromarray(images[fits["row"].iloc[0]])
    row.paste(image.resize((TILE, TILE), Image.Resampling.LANCZOS), (left, 0))
    if fits["kind"].iloc[0] == "translation":
        x, y = left + TILE - 15, TILE - 15
        pen.ellipse((x - 10, y - 10, x + 10, y + 10), "white")
        pen.line((x - 5, y, x + 5, y), INK, 2)
        if fits["value"].iloc[0]:
            pen.line((x, y - 5, x, y + 5), INK, 2)


def _write_upright(picture: Image.Image, words: str, y: int) -> None:
    """Words at the left edge, read from below, around the height `y`."""
    label = Image.new("RGB", (int(_font(17).getlength(words)) + 4, 24), "white")
    ImageDraw.Draw(label).text((2, 12), words, INK, _font(17), anchor="lm")
    label = label.rotate(90, expand=True)
    picture.paste(label, (LEFT // 2 - label.width // 2, y - label.height // 2))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
