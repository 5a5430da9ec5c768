"""Unseen faces of both sides, each with one attribute changed at a time. Paper 3.4."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap import seeds, tables
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.files import whole
from facegap.network import settle
from facegap.progress import Pace
from facegap.synthesise.attributes import Labels, changed, read_labels
from facegap.synthesise.networks import Generator
from facegap.synthesise.pixels import as_images, as_input
from facegap.synthesise.sheet import draw_sheet, faces_shown
from facegap.synthesise.trained import load_generator

log = logging.getLogger(__name__)
CHUNK = 64  # faces at a time


@dataclass(frozen=True)
class Plan:
    """What to write: row i of `table` (TRANSLATIONS) is made from face `face[i]` of the cast.

    `own` and `wanted` (n, a) are the labels of each row's face, and those it is translated to.
    """

    table: pd.DataFrame
    face: NDArray[np.int64]
    own: Labels
    wanted: Labels


def translate_faces(
    generator_safetensors: str | Path,
    cast_parquet: str | Path,
    faces_parquet: str | Path,
    crop_shards: Sequence[str | Path],
    translations_npy: str | Path,
    translations_parquet: str | Path,
    sheet_png: str | Path,
    *,
    attributes: Sequence[str],
    exclusive: Sequence[Sequence[str]],
    sides: dict[str, str],
    threads: int,
    seed: int,
) -> None:
    """Write the images (uint8 (n, s, s, 3)), their table (TRANSLATIONS) and a sheet of some.

    Of every unseen face: the original, its reconstruction G(G(x, c'), c) with c' the labels of
    another face of its domain as in training, and for each attribute that can be changed the face
    with that one changed. `sides` are the sides' names, for the sheet.
    """
    device = settle(threads)
    generator, trained = load_generator(generator_safetensors, device)
    if trained != list(attributes):
        raise DataError(f"{generator_safetensors}: trained on {trained}, not {list(attributes)}")
    cast = tables.read(cast_parquet, tables.CAST)
    cast = cast[cast["role"].isin(tables.DOMAINS)].reset_index(drop=True)
    labels = read_labels(faces_parquet, cast["face_id"], attributes)
    rng = seeds.generator(seed, "synthesise", "reconstruction")
    plan = plan_translations(cast, labels, attributes, exclusive, rng)
    crops = Crops(crop_shards)
    with whole(translations_npy) as temporary:
        shape = (len(plan.table), *crops.shape[1:])
        images = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
        pace, done = Pace(len(images)), 0
        for rows, made in _made(plan, generator, crops, cast["row"].to_numpy(), device):
            images[rows] = made
            done += len(rows)
            if pace.due():
                log.info("%d of %d images: %s", done, len(images), pace.words(done))
        images.flush()
    tables.write(plan.table, translations_parquet, tables.TRANSLATIONS)
    draw_sheet(plan.table, images, attributes, sides, sheet_png)
    log.info("%d images of %d faces, %s", done, len(cast), pace.words(done))


@dataclass(frozen=True)
class Samples:
    """A few unseen faces of both domains, always the same, to watch a training by."""

    plan: Plan
    crops: Crops
    crop_rows: NDArray[np.int64]
    attributes: Sequence[str]

    def draw(self, generator: Generator, sheet_png: str | Path, device: torch.device) -> None:
        """Write a sheet of what `generator` makes of them."""
        images = np.empty((len(self.plan.table), *self.crops.shape[1:]), np.uint8)
        for rows, made in _made(self.plan, generator, self.crops, self.crop_rows, device):
            images[rows] = made
        sides = {"inside": "inside", "outside": "outside"}
        draw_sheet(self.plan.table, images, self.attributes, sides, sheet_png)


def read_samples(
    cast_parquet: str | Path,
    faces_parquet: str | Path,
    crops: Crops,
    attributes: Sequence[str],
    exclusive: Sequence[Sequence[str]],
) -> Samples:
    """The faces that the sheet of translations shows."""
    cast = tables.read(cast_parquet, tables.CAST)
    shown = [face for role in tables.DOMAINS for face in faces_shown(cast[cast["role"] == role])]
    cast = cast[cast["face_id"].isin(shown)].reset_index(drop=True)
    labels = read_labels(faces_parquet, cast["face_id"], attributes)
    rng = seeds.generator(0, "synthesise", "samples")
    plan = plan_translations(cast, labels, attributes, exclusive, rng)
    return Samples(plan, crops, cast["row"].to_numpy(), attributes)


def plan_translations(
    cast: pd.DataFrame,
    labels: Labels,
    attributes: Sequence[str],
    exclusive: Sequence[Sequence[str]],
    rng: np.random.Generator,
) -> Plan:
    """What to make of the faces of `cast` (CAST) with `labels` (n, a), domain after domain.

    An attribute that a face cannot be given, since it has it and setting is all that can be done
    (hair colours), has no row for that face.
    """
    parts: list[tuple[str, str, str | None, NDArray[np.int64], Labels]] = []
    for domain in tables.DOMAINS:
        who = np.flatnonzero(cast["role"] == domain)
        parts.append((domain, "original", None, who, labels[who]))
        parts.append((domain, "reconstruction", None, who, labels[rng.permutation(who)]))
        for name in attributes:
            target, differs = changed(labels[who], name, attributes, exclusive)
            parts.append((domain, "translation", name, who[differs], target[differs]))
    face = np.concatenate([who for *_, who, _ in parts])
    table = cast.iloc[face][["face_id", "subject_id", "control"]].reset_index(drop=True)
    lengths = [len(who) for *_, who, _ in parts]
    for k, column in enumerate(("domain", "kind", "attribute")):
        values = np.array([part[k] for part in parts], dtype=object)
        table[column] = pd.Series(np.repeat(values, lengths), dtype="str")
    table["value"] = np.concatenate(
        [_value(name, target, attributes) for _, _, name, _, target in parts]
    )
    table["row"] = range(len(table))
    wanted = np.vstack([target for *_, target in parts])
    table = table.astype({"value": "Int8"})[list(tables.TRANSLATIONS.columns)]
    return Plan(table, face, labels[face], wanted)


def _value(name: str | None, target: Labels, attributes: Sequence[str]) -> Labels:
    """What the attribute `name` is in each of `target` (n, a); missing without a name."""
    if name is None:
        return np.full(len(target), np.nan, np.float32)
    return target[:, list(attributes).index(name)]


def _made(
    plan: Plan,
    generator: Generator,
    crops: Crops,
    crop_rows: NDArray[np.int64],
    device: torch.device,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """The images of the plan's rows, some rows at a time."""
    for kind, part in plan.table.groupby("kind", sort=False):
        for start in range(0, len(part), CHUNK):
            rows = part.index.to_numpy()[start : start + CHUNK]
            originals = crops.take(crop_rows[plan.face[rows]])
            if kind == "original":
                yield rows, originals
                continue
            with torch.no_grad():
                wanted = torch.from_numpy(plan.wanted[rows]).to(device)
                outputs = generator(as_input(originals, device), wanted)
                if kind == "reconstruction":
                    outputs = generator(outputs, torch.from_numpy(plan.own[rows]).to(device))
            yield rows, as_images(outputs)
