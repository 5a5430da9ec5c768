"""Which faces train, which test, and which rest: whole persons, by seed."""

from typing import TypedDict

import numpy as np
import pandas as pd

from facegap.errors import DataError


class Split(TypedDict):
    """Sizes of the two parts: numbers of faces, or shares of all."""

    train: float
    test: float


def split_faces(subjects: pd.Series, split: Split, rng: np.random.Generator) -> pd.Series:
    """`train`, `test` or `rest` for each face of `subjects` (missing: a person of its own).

    Nobody is in two parts. Persons are taken in random order and each goes to the first part that
    has room for all of their faces, so the sizes asked for are met to the face wherever whole
    persons allow it. Raises `DataError` when the parts ask for more faces than there are.
    """
    total = len(subjects)
    sizes = _sizes(split, total)
    if sum(sizes.values()) > total:
        raise DataError(f"a split of {sizes} faces needs more than the {total} there are")
    person = _persons(subjects)
    parts = np.full(person.max() + 1 if total else 0, "rest", dtype=object)
    room, counts = dict(sizes), np.bincount(person)
    for who in rng.permutation(len(parts)):
        part = next((name for name in sizes if counts[who] <= room[name]), None)
        if part is not None:
            parts[who] = part
            room[part] -= counts[who]
    if sum(sizes.values()) == total:  # nobody may rest: the last few go where most room is left
        for who in np.flatnonzero(parts == "rest"):
            parts[who] = max(room, key=lambda name: room[name])
            room[parts[who]] -= counts[who]
    return pd.Series(parts[person], index=subjects.index)


def choose(subjects: pd.Series, faces: int | None, rng: np.random.Generator) -> pd.Series:
    """True for the faces to use: whole persons by chance, `faces` in all or a few less; None: all.

    Raises `DataError` when there are fewer.
    """
    if faces is None:
        return pd.Series(True, index=subjects.index)
    if faces > len(subjects):
        raise DataError(f"{faces} faces are asked for, there are {len(subjects)}")
    return split_faces(subjects, {"train": faces, "test": 0}, rng) == "train"


def _sizes(split: Split, total: int) -> dict[str, int]:
    """Faces of each part; where shares of one half both round up, the training part gives way."""
    train, test = split["train"], split["test"]
    if isinstance(train, int) and isinstance(test, int):
        return {"test": test, "train": train}
    most = round((train + test) * total)
    return {
        "test": round(test * total),
        "train": min(round(train * total), most - round(test * total)),
    }


def _persons(subjects: pd.Series) -> np.ndarray:
    """A number a person; faces of nobody known are a person each."""
    own = pd.Series([f"\0{row}" for row in range(len(subjects))], index=subjects.index)
    return pd.factorize(subjects.where(subjects.notna(), own))[0]
