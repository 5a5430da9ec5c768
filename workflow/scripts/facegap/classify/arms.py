"""Other trainings of the selected configuration: on equal terms, and as negative controls.

full       on the whole training part of a data set: the benchmark, where it is not the source's
equal      on as many faces of either data set as the smaller training part has
exchanged  a control: as equal, with labels exchanged between persons, so that nothing can be
           learnt; anew for each training, since one exchange always leans to a side, and the
           farther the sides are apart the more of the test part follows
halves     a control: two random halves of the persons inside, as if they were the two sides
fold-<k>   on four fifths of a training part, tested on the last; selects a benchmark's optimisers
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from facegap.classify.features import Cached
from facegap.classify.plans import FOLDS
from facegap.errors import TrainingError
from facegap.parts import CALIBRATION, SELECTION, sampled
from facegap.seeds import generator

UNUSED = "unused"  # a split: neither trains nor tests


def arm_of(
    sets: Mapping[str, Cached], dataset: str, arm: str, seed: int, repeat: int = 0
) -> dict[str, Cached]:
    """The `sets` as the trainings of an `arm` on `dataset` see them, or of exchanged the `repeat`.

    Raises `TrainingError` where a training part has one person or a side without a face.
    """
    if arm == "full":
        return dict(sets)
    tables = {name: cached.entries for name, cached in sets.items()}
    rng = generator(seed, "arm", arm=arm, dataset=dataset)
    if arm.startswith("fold-"):
        which = int(arm.removeprefix("fold-")) - 1
        own = _fold(tables[dataset], which, generator(seed, "folds", dataset=dataset))
        return {dataset: replace(sets[dataset], entries=own)}
    if arm == "halves":
        tables = {
            name: _halved(table, generator(seed, "arm", arm=arm, dataset=name))
            for name, table in tables.items()
        }
    most = min(_faces(tables[name]) for name in ("source", "target"))
    tables[dataset] = _fewer(tables[dataset], most, rng)
    if arm == "exchanged":
        rng = generator(seed, "exchanged", dataset=dataset, repeat=repeat)
        tables[dataset] = _exchanged(tables[dataset], rng)
    return {name: replace(cached, entries=tables[name]) for name, cached in sets.items()}


def _faces(entries: pd.DataFrame) -> int:
    """Faces that a training may see."""
    return int(entries.loc[entries["split"] == "train", "face_id"].nunique())


def _fewer(entries: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    """`most` training faces at random, or a few less: whole persons. The others are unused."""
    train = entries["split"] == "train"
    faces = entries[train].groupby("person")["face_id"].nunique()
    faces = faces.loc[rng.permutation(faces.index)]
    room, taken = most, []
    for person, count in faces.items():
        if count <= room:
            taken.append(person)
            room -= count
    return _without(entries, train & ~entries["person"].isin(taken))


def _exchanged(entries: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Each training person's side is that of another, at random."""
    train = entries["split"] == "train"
    sides = entries[train].groupby("person", sort=True)["inside"].first()
    if len(sides) < 2:
        raise TrainingError(f"labels of {len(sides)} training person cannot be exchanged")
    others = dict(zip(sides.index, rng.permutation(sides.to_numpy()), strict=True))
    inside = entries["inside"].where(~train, entries["person"].map(others))
    return entries.assign(inside=inside.astype(bool))


def _halved(entries: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The persons inside alone, a random half of them called inside."""
    outside = ~entries["inside"] | ~entries["agreed"]
    halves = sampled(entries["person"], 0.5, rng)
    return _without(entries.assign(inside=halves), outside)


def _fold(entries: pd.DataFrame, which: int, rng: np.random.Generator) -> pd.DataFrame:
    """A fifth of the training persons tests, as their faces are; the others' faces train."""
    train = entries["split"] == "train"
    persons = rng.permutation(np.sort(entries.loc[train, "person"].unique()))
    if len(persons) < FOLDS:
        raise TrainingError(
            f"{len(persons)} persons in the training part: {FOLDS} folds need {FOLDS} at the least"
        )
    held = entries["person"].isin(persons[which::FOLDS])
    tests = held & entries["split"].isin([SELECTION, CALIBRATION])
    return entries.assign(split=np.select([train & ~held, tests], ["train", "test"], UNUSED))


def _without(entries: pd.DataFrame, rows: "pd.Series[bool]") -> pd.DataFrame:
    """`entries` with some `rows` that neither train nor test (their arrays have all rows)."""
    return entries.assign(split=entries["split"].where(~rows, UNUSED))
