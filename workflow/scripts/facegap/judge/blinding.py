"""Blinding: random ids in place of all that tells a side, the key to them, and the images.

What is random here and in the sampling comes from one number. For people it is a secret of the
study's: the code is public and seeds are guessed, and who knows the number knows the sides.
"""

import io
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from facegap.errors import DataError
from facegap.files import whole
from facegap.seeds import number
from facegap.tables.judge import PAIRS

EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the zip: the time of writing would be noise
SECRET = 32  # bytes
COARSE = 12  # blocks across the degraded side of an attention pair: no face can be told in them
IMAGES = ("left_image", "right_image", "left_original", "right_original")


def read_secret(path: Path) -> int:
    """The secret in the file at `path`, made where there is none: random, for its owner alone."""
    if not path.exists():
        with whole(path) as temporary:
            temporary.touch(0o600)
            temporary.write_text(secrets.token_hex(SECRET) + "\n")
    try:
        digits = path.read_text().strip()
        if len(digits) == 2 * SECRET:
            return int(digits, 16)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: the secret of the blinding cannot be read: {error}") from error
    raise DataError(
        f"{path}: this is no secret of a blinding ({2 * SECRET} hexadecimal digits); bring it back"
        " from a copy, or delete it if nobody has answered yet"
    )


def blind(sampled: pd.DataFrame, secret: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pairs as participants get them (PAIRS), and the key (KEY), by pair id.

    Ids come from the `secret`: neither they nor any order of the files knows of a side or a kind.
    """
    ids = np.array(tokens(len(sampled), "pair", secret))
    left = sampled["in_left"]
    shown = {
        f"{at}_{what}": sampled[f"in_{what}"].where(left == (at == "left"), sampled[f"out_{what}"])
        for what in ("row", "original_row", "subject")
        for at in ("left", "right")
    }
    key = pd.DataFrame(
        {
            "pair_id": ids,
            "kind": sampled["kind"],
            "comparison": sampled["comparison"],
            "repeats": [None if pd.isna(row) else ids[int(row)] for row in sampled["repeats"]],
            "degraded": sampled["degraded"],
            "maker": sampled["maker"],
            "seed": sampled["seed"],
            "left_domain": np.where(left, "in-domain", "out-domain"),
            **shown,
        }
    )
    places = {name: _shown(key, name) for name in IMAGES}
    images = list(dict.fromkeys(place for some in places.values() for place in some))
    token_of = dict(zip(images, tokens(len(images), "image", secret), strict=True))
    pairs = sampled[["participant", "position", "attribute", "value", "control"]].assign(
        pair_id=ids,
        training=sampled["kind"] == "training",
        expected=sampled["degraded"].map({"left": "right", "right": "left"}).astype(object),
        **{name: [token_of[place] for place in some] for name, some in places.items()},
    )
    return pairs[list(PAIRS.columns)], key.sort_values("pair_id", ignore_index=True)


def tokens(count: int, what: str, secret: int) -> list[str]:
    """`count` ids of 16 hexadecimal digits; from some of them nothing follows about the others."""
    each = (number(secret, "blinded_id", what=what, count=k) for k in range(count))
    return [f"{token:016x}" for token in each]


class Place(NamedTuple):
    """Where the pixels of an image are, whether they are spoiled, and whether shown once more."""

    maker: str
    seed: int
    row: int
    degraded: bool
    repeated: bool


def _shown(key: pd.DataFrame, name: str) -> list[Place]:
    """Where the image in column `name` of the pairs is, a pair after another."""
    at, what = name.split("_")
    rows = key[f"{at}_row" if what == "image" else f"{at}_original_row"]
    spoiled = (key["degraded"] == at) & (what == "image")
    again = key["kind"] == "repeat"
    columns = (key["maker"], key["seed"], rows, spoiled, again)
    return [Place(*place) for place in zip(*columns, strict=True)]


def places_of(pairs: pd.DataFrame, key: pd.DataFrame) -> dict[str, Place]:
    """The place of every image of the pairs, by its blinded id."""
    both = pairs.merge(key, on="pair_id")
    return {
        token: place
        for name in IMAGES
        for token, place in zip(both[name], _shown(both, name), strict=True)
    }


def write_images(
    places: Mapping[str, Place], arrays: Mapping[tuple[str, int], Path], images: Path
) -> None:
    """A stored zip of `<blinded id>.png`, by id; the ids are random, so their order says nothing.

    `arrays` are the translations (uint8 (n, s, s, 3) RGB) of each maker and seed.
    """
    pixels = {made: np.load(path, mmap_mode="r") for made, path in arrays.items()}
    with whole(images) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for token, place in sorted(places.items()):
            made = pixels[place.maker, place.seed]
            if place.row >= len(made):
                raise DataError(
                    f"{arrays[place.maker, place.seed]}: has {len(made)} images, and its table"
                    f" speaks of image {place.row}"
                )
            png = _png(made[place.row], place.degraded)
            archive.writestr(zipfile.ZipInfo(f"{token}.png", EPOCH), png)


def _png(pixels: np.ndarray, degraded: bool) -> bytes:
    """A PNG of uint8 (s, s, 3) RGB; `degraded` to a few blocks, its colours exchanged."""
    picture = Image.fromarray(pixels)
    if degraded:
        small = picture.resize((COARSE, COARSE), Image.Resampling.BOX)
        picture = small.resize(picture.size, Image.Resampling.NEAREST)
        picture = Image.fromarray(np.asarray(picture)[:, :, ::-1].copy())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
