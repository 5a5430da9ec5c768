"""Which faces train, which test, and which rest: no person in two parts, by seed."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from facegap.errors import DataError, listed
from facegap.settings.acquire import Split

OFF = 0.05  # of the size that is set: a part further off is a warning

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sampling:
    """Which faces of a data set are used: how many (None: all), and their split."""

    faces: int | None
    split: Split


@dataclass(frozen=True)
class Sizes:
    """Faces of the two parts."""

    train: int
    test: int


def split_table(
    faces: pd.DataFrame, split: Split, rng: np.random.Generator, place: str | Path, tested: int = 0
) -> pd.Series:
    """`train`, `test` or `rest` for each row of `faces` (from `place`), by `split_faces`.

    Within each stratum (a person's first picture decides) the parts have their share of its
    pictures. Pictures beyond `pictures` of a person rest, whatever part the person is in. Where the
    first `tested` rows are the test part already, the others are split. The log has the sizes that
    were set and got; a part that stays empty is a `DataError`.
    """
    if missing := set(split.strata) - set(faces.columns):
        raise DataError(
            f"{place}: no column {listed(sorted(missing))} for split.strata; it has"
            f" {listed(faces.columns)}"
        )
    person = pd.Series(_persons(faces["subject_id"]), index=faces.index)
    offered = faces.index
    if most := split.pictures:
        shuffled = person.sample(frac=1, random_state=rng)
        offered = shuffled[shuffled.groupby(shuffled).cumcount() < most].index.sort_values()
    strata = [faces[name].astype("str") for name in split.strata]
    of_face = pd.concat([pd.Series("", faces.index), *strata], axis=1).agg("\0".join, axis=1)
    stratum = of_face.groupby(person).transform("first")[offered]
    parts = pd.Series("rest", index=faces.index, dtype=object)
    wanted = left = sizes_of(split, len(faces))
    if tested:
        parts[faces.index[:tested]] = "test"
        stratum, left = stratum.drop(faces.index[:tested], errors="ignore"), {**wanted, "test": 0}
    for name, sizes in _shares(stratum, left, place).items():
        here = stratum.index[stratum == name]
        parts[here] = split_faces(faces["subject_id"][here], sizes, rng, split.test_pictures)
    _log(split, wanted, parts, place)
    return parts


def _shares(
    stratum: "pd.Series[str]", sizes: dict[str, int], place: str | Path
) -> dict[str, Sizes]:
    """Sizes of the parts within each stratum: largest remainders, of what the others left."""
    left = stratum.value_counts().sort_index()
    total = left.sum()
    if sum(sizes.values()) > total:
        raise DataError(
            f"{place}: split.train and split.test ask for {sum(sizes.values())} faces, and"
            f" {total} are there with at most split.pictures of each person; lower them, or raise"
            " split.pictures"
        )
    found = {str(name): {"train": 0, "test": 0} for name in left.index}
    counts = left.copy()
    for part, size in sizes.items():
        exact = size * counts / total
        whole = (exact // 1).astype(int).clip(upper=left)
        most = (exact - whole).sort_values(ascending=False, kind="stable").index
        while short := size - int(whole.sum()):
            whole[most[(whole < left)[most]][:short]] += 1
        left -= whole
        for name, number in whole.items():
            found[str(name)][part] = int(number)
    return {name: Sizes(**parts) for name, parts in found.items()}


def _log(split: Split, wanted: dict[str, int], parts: pd.Series, place: str | Path) -> None:
    """Log the sizes set and got; a part that is to have faces and has none is a `DataError`."""
    for part, number in wanted.items():
        got = int((parts == part).sum())
        if not got and getattr(split, part):
            raise DataError(
                f"{place}: split.{part} asks for {number} faces and gets none: persons are in a"
                f" part whole, and none fitted; raise split.{part}, lower the other part, set"
                " split.pictures, or name fewer split.strata"
            )
        level = logging.WARNING if abs(got - number) > OFF * number else logging.INFO
        log.log(level, "%s: split.%s asks for %d faces and gets %d", place, part, number, got)


def split_faces(
    subjects: pd.Series,
    split: Split | Sizes,
    rng: np.random.Generator,
    test_pictures: int | None = None,
) -> pd.Series:
    """`train`, `test` or `rest` for each face of `subjects` (missing: a person of its own).

    Nobody is in train and test. Persons are taken in random order and each goes to the first part
    that has room for all of their faces, so the sizes asked for are met to the face wherever whole
    persons allow it. Of a person in `test` at most `test_pictures` are there, by seed; the others
    rest. Raises `DataError` when the parts ask for more faces than there are.
    """
    total = len(subjects)
    sizes = sizes_of(split, total)
    if sum(sizes.values()) > total:
        raise DataError(
            f"split.train and split.test ask for {sum(sizes.values())} faces, and there are"
            f" {total}: lower them"
        )
    person = _persons(subjects)
    parts = np.full(person.max() + 1 if total else 0, "rest", dtype=object)
    room, counts = dict(sizes), np.bincount(person)
    taken = {"train": counts, "test": np.minimum(counts, test_pictures or total)}
    for who in rng.permutation(len(parts)):
        part = next((name for name in sizes if taken[name][who] <= room[name]), None)
        if part is not None:
            parts[who] = part
            room[part] -= taken[part][who]
    if sum(sizes.values()) == total:  # nobody may rest: the last few go where most room is left
        for who in np.flatnonzero(parts == "rest"):
            parts[who] = max(room, key=lambda name: room[name])
            room[parts[who]] -= taken[parts[who]][who]
    found = pd.Series(parts[person], index=subjects.index)
    if test_pictures:
        shuffled = pd.Series(person, index=subjects.index).sample(frac=1, random_state=rng)
        beyond = shuffled.groupby(shuffled).cumcount() >= test_pictures
        found[(found == "test") & beyond.reindex(found.index)] = "rest"
    return found


def choose(subjects: pd.Series, faces: int | None, rng: np.random.Generator) -> pd.Series:
    """True for the faces to use: whole persons at random, `faces` in all or a few less; None: all.

    Raises `DataError` when there are fewer.
    """
    if faces is None:
        return pd.Series(True, index=subjects.index)
    if faces > len(subjects):
        raise DataError(f"{faces} faces are asked for, there are {len(subjects)}")
    return split_faces(subjects, Sizes(faces, 0), rng) == "train"


def sizes_of(split: Split | Sizes, total: int) -> dict[str, int]:
    """Faces of each part; where shares of one half both round up, the training part gives way."""
    train, test = split.train, split.test
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
