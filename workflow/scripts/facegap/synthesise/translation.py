"""Unseen faces of both sides, each with one attribute changed at a time. Paper 3.4."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap import seeds
from facegap.attributes import Labels, read_labels
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.files import whole
from facegap.network import settle
from facegap.pixels import as_images, as_input
from facegap.progress import Pace
from facegap.settings.synthesise import Attributes
from facegap.synthesise.changes import Together, changed
from facegap.synthesise.networks import Generator
from facegap.synthesise.sheet import faces_shown, write_sheet
from facegap.synthesise.trained import load_generator
from facegap.tables.base import DOMAINS, read_table, write_table
from facegap.tables.synthesise import ROLES, TRANSLATIONS

log = logging.getLogger(__name__)
CHUNK = 64  # faces at a time


@dataclass(frozen=True)
class Plan:
    """What to write: row i of `table` (TRANSLATIONS) is of face `face[i]` of the unseen ones.

    `own` and `wanted` (n, a) are the labels of each row's face, and those it is translated to.
    """

    table: pd.DataFrame
    face: NDArray[np.int64]
    own: Labels
    wanted: Labels


def translate_faces(
    *,
    generators: list[Path],
    roles: Path,
    faces: Path,
    crops: list[Path],
    arrays: list[Path],
    translations: list[Path],
    sheets: list[Path],
    attributes: Attributes,
    sides: dict[str, str],
    threads: int,
    seed: int,
) -> None:
    """Write each generator's images (uint8 (n, s, s, 3)), table (TRANSLATIONS) and a sheet of some.

    `arrays`, `translations` and `sheets` are in the order of `generators`. Of every unseen face
    (ROLES): the original, its reconstruction G(G(x, c'), c) with c' the labels of another face of
    its domain as in training, and for each attribute that can be changed the face with that one
    changed. `sides` are the sides' names, for the sheets.
    """
    device = settle(threads)
    table = read_table(roles, ROLES)
    unseen = table[table["role"].isin(DOMAINS)].reset_index(drop=True)
    plan = plan_of(table, unseen, faces, attributes, seeds.generator(seed, "reconstruction"))
    shards, rows = Crops(crops), unseen["row"].to_numpy()
    total, done = len(generators) * len(plan.table), 0
    pace = Pace(total)
    for generator, array, written, sheet in zip(
        generators, arrays, translations, sheets, strict=True
    ):
        network, trained = load_generator(generator, device)
        if trained != attributes.names:
            raise DataError(f"{generator}: trained on {trained}, not {attributes.names}")
        with whole(array) as temporary:
            shape = (len(plan.table), *shards.shape[1:])
            images = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
            for chunk, outputs in _outputs(plan, network, shards, rows, device):
                images[chunk] = outputs
                done += len(chunk)
                if pace.due():
                    log.info("%d of %d images: %s", done, total, pace.words(done))
            images.flush()
        write_table(plan.table, written, TRANSLATIONS)
        write_sheet(plan.table, images, attributes.names, sides, sheet)
    log.info("%d images of %d faces, %s", done, len(unseen), pace.words(done))


def plan_changes(
    *, roles: Path, faces: Path, changes: Path, attributes: Attributes, seed: int
) -> None:
    """Write what a user's editor is asked for, and the originals (TRANSLATIONS).

    It is what `translate_faces` makes, without the reconstructions.
    """
    table = read_table(roles, ROLES)
    unseen = table[table["role"].isin(DOMAINS)].reset_index(drop=True)
    plan = plan_of(table, unseen, faces, attributes, seeds.generator(seed, "reconstruction"))
    asked = plan.table[plan.table["kind"] != "reconstruction"].reset_index(drop=True)
    write_table(asked.assign(row=range(len(asked))), changes, TRANSLATIONS)


@dataclass(frozen=True)
class Samples:
    """A few unseen faces of both domains, always the same, to watch a training by."""

    plan: Plan
    crops: Crops
    crop_rows: NDArray[np.int64]
    attributes: Sequence[str]

    def write(self, generator: Generator, sheet: Path, device: torch.device) -> None:
        """Write a sheet of what `generator` makes of them."""
        images = np.empty((len(self.plan.table), *self.crops.shape[1:]), np.uint8)
        for rows, outputs in _outputs(self.plan, generator, self.crops, self.crop_rows, device):
            images[rows] = outputs
        sides = {"inside": "inside", "outside": "outside"}
        write_sheet(self.plan.table, images, self.attributes, sides, sheet)


def read_samples(roles: Path, faces: Path, crops: Crops, attributes: Attributes) -> Samples:
    """The faces that the sheet of translations shows."""
    table = read_table(roles, ROLES)
    shown = [face for role in DOMAINS for face in faces_shown(table[table["role"] == role])]
    unseen = table[table["face_id"].isin(shown)].reset_index(drop=True)
    plan = plan_of(table, unseen, faces, attributes, seeds.generator(0, "stargan_samples"))
    return Samples(plan, crops, unseen["row"].to_numpy(), attributes.names)


def plan_of(
    roles: pd.DataFrame,
    unseen: pd.DataFrame,
    faces: Path,
    attributes: Attributes,
    rng: np.random.Generator,
) -> Plan:
    """What to make of those of the faces in `roles` (ROLES) that are `unseen` (ROLES)."""
    labels = read_labels(faces, unseen["face_id"], attributes.names)
    return plan_translations(
        unseen, labels, met_in_training(roles, faces, attributes), attributes, rng
    )


def met_in_training(roles: pd.DataFrame, faces: Path, attributes: Attributes) -> list[Together]:
    """What goes together on the faces of each side that generators train on, of `roles` (ROLES)."""
    found = []
    for _, own in roles[roles["role"] == "train"].groupby("side"):
        labels = read_labels(faces, own["face_id"], attributes.names)
        found.append(Together.on(labels, own["control"], attributes.least_together))
    return found


def plan_translations(
    unseen: pd.DataFrame,
    labels: Labels,
    together: Sequence[Together],
    attributes: Attributes,
    rng: np.random.Generator,
) -> Plan:
    """What to make of the faces `unseen` (ROLES) with `labels` (n, a), domain after domain.

    An attribute that a face cannot be given, since it has it and setting is all that can be done
    (hair colours), or since no face of a side that trains has it with the face's others
    (`together`), has no row for that face.
    """
    parts: list[tuple[str, str, str | None, NDArray[np.int64], Labels]] = []
    for domain in DOMAINS:
        who = np.flatnonzero(unseen["role"] == domain)
        parts.append((domain, "original", None, who, labels[who]))
        parts.append((domain, "reconstruction", None, who, labels[rng.permutation(who)]))
        for name in attributes.names:
            target, differs = changed(labels[who], name, attributes.names, attributes.exclusive)
            control = unseen["control"].iloc[who]
            for met in together:
                differs &= met.allow(target, control, attributes.names.index(name))
            parts.append((domain, "translation", name, who[differs], target[differs]))
    face = np.concatenate([who for *_, who, _ in parts])
    table = unseen.iloc[face][["face_id", "subject_id", "control"]].reset_index(drop=True)
    lengths = [len(who) for *_, who, _ in parts]
    for k, column in enumerate(("domain", "kind", "attribute")):
        values = np.array([part[k] for part in parts], dtype=object)
        table[column] = pd.Series(np.repeat(values, lengths), dtype="str")
    table["value"] = np.concatenate(
        [_value(name, target, attributes.names) for _, _, name, _, target in parts]
    )
    table["row"] = range(len(table))
    wanted = np.vstack([target for *_, target in parts])
    table = table.astype({"value": "Int8"})[list(TRANSLATIONS.columns)]
    return Plan(table, face, labels[face], wanted)


def _value(name: str | None, target: Labels, attributes: Sequence[str]) -> Labels:
    """What the attribute `name` is in each of `target` (n, a); missing without a name."""
    if name is None:
        return np.full(len(target), np.nan, np.float32)
    return target[:, list(attributes).index(name)]


def _outputs(
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
