"""Translations of all seeds, as a table, and what the recogniser says of each image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import DataError
from facegap.groups import group_name
from facegap.measure.recogniser import Sight
from facegap.tables.base import read_table
from facegap.tables.synthesise import TRANSLATIONS

Images = NDArray[np.uint8]  # (n, s, s, 3)
Mask = NDArray[np.bool_]  # (n,), of the images
ALL_TOGETHER = 0  # the first group
OF_TRANSLATIONS = ("attribute transfer", "identity preservation", "perceptual distance")


@dataclass(frozen=True)
class Group:
    """Images that are measured together: all, those of one attribute, or of one factor's value.

    `made` are the translations among them, `fits` all images of their faces.
    """

    attribute: str | None
    factors: Mapping[str, str]
    made: Mask
    fits: Mask

    def named(self, **more: str) -> str:
        """Its group in ESTIMATES, after the factors of `more`."""
        return group_name({**more, **self.factors})


def read_outputs(
    arrays: Sequence[Path], paths: Sequence[Path]
) -> tuple[pd.DataFrame, list[Images]]:
    """The table of all seeds, with `original`, the row of each image's face, and their images.

    Raises `DataError` where an array does not fit its table, or a seed has other images than the
    first.
    """
    tables = [read_table(path, TRANSLATIONS) for path in paths]
    images = []
    for array, path, table in zip(arrays, paths, tables, strict=True):
        try:
            images.append(np.load(array, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise DataError(f"{array}: not readable as an array of images: {error}") from error
        if len(images[-1]) != len(table) or list(table["row"]) != list(range(len(table))):
            raise DataError(f"{array}: {len(images[-1])} images, but {path} lists {len(table)}")
        if not table.equals(tables[0]):
            raise DataError(
                f"{path}: other images than in {paths[0]}; run the stage synthesise again"
            )
    table = tables[0]
    originals = table[table["kind"] == "original"].set_index("face_id")["row"]
    return table.assign(original=table["face_id"].map(originals)), images


def groups_of_images(
    table: pd.DataFrame, attributes: Sequence[str], contentious: "pd.Series[str]"
) -> list[Group]:
    """All together first; each attribute; each value of the control; without `contentious` faces.

    `contentious` are face ids; without any there is no such group.
    """
    every = np.ones(len(table), bool)
    of_control = table["control"]
    found: list[tuple[str | None, dict[str, str], Mask]] = [(None, {}, every)]
    found += [(name, {}, every) for name in attributes]
    found += [
        (None, {"control": str(value)}, (of_control == value).fillna(False).to_numpy(bool))
        for value in sorted(of_control.dropna().unique())
    ]
    disputed = table["face_id"].isin(contentious).to_numpy(bool)
    if disputed.any():
        found.append((None, {"contentious faces": "left out"}, ~disputed))
    translated = (table["kind"] == "translation").to_numpy()
    changed = table["attribute"].to_numpy()
    return [
        Group(name, factors, fits & translated & (True if name is None else changed == name), fits)
        for name, factors, fits in found
    ]


def image_values(
    table: pd.DataFrame, images: Images, sight: Sight, attributes: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Each image's metrics (n,), missing for images that a metric is not of.

    `shown` is how sure the classifier is of a translation's value.
    """
    translated = np.flatnonzero(table["kind"] == "translation")
    origin = table["original"].to_numpy()
    column = table["attribute"].map({name: k for k, name in enumerate(attributes)})
    wanted = table["value"].iloc[translated].to_numpy(bool)
    certain = sight.shown[translated, column.iloc[translated].astype(int)]
    shown = np.where(wanted, certain, 1 - certain)
    cosines = (sight.identity[translated] * sight.identity[origin[translated]]).sum(1)
    apart = sum(
        ((layer[translated] - layer[origin[translated]]) ** 2).sum(1).mean((1, 2))
        for layer in sight.layers
    )
    rebuilt = np.flatnonzero(table["kind"] == "reconstruction")
    errors = [np.abs(images[k].astype(np.int16) - images[origin[k]]).mean() / 255 for k in rebuilt]
    found = {
        "shown": (translated, shown),
        "attribute transfer": (translated, shown > 0.5),
        "identity preservation": (translated, cosines.clip(-1, 1)),
        "perceptual distance": (translated, apart),
        "reconstruction error": (rebuilt, errors),
    }
    values = {name: np.full(len(table), np.nan) for name in found}
    for name, (rows, given) in found.items():
        values[name][rows] = given
    return values


def metrics_of(group: Group) -> Iterator[tuple[str, Mask]]:
    """The metrics of single images that a group has, and the images that each is of."""
    for metric in OF_TRANSLATIONS:
        yield metric, group.made
    if group.attribute is None:
        yield "reconstruction error", group.fits


def scores_table(
    table: pd.DataFrame, values: Mapping[str, NDArray[np.float64]], seed: int
) -> pd.DataFrame:
    """The translations' scores of one seed (SCORES)."""
    made = (table["kind"] == "translation").to_numpy()
    return pd.DataFrame(
        {
            "seed": seed,
            "row": table["row"][made],
            "shown": values["shown"][made],
            "identity": values["identity preservation"][made],
            "perceptual": values["perceptual distance"][made],
        }
    )
