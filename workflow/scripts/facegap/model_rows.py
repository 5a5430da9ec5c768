"""Rows of a model's outputs: the face that each is of, and all that is wrong with them, at once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import DataError, shown
from facegap.names import one_form

MOST = 20  # lines of a message
ENDING = re.compile(r"\.(png|jpe?g|webp)$", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """The rows of a file, in its order, as a user finds them there."""

    path: str | Path
    unit: str  # that they are counted in: line or row
    numbers: NDArray[np.int64]  # (n,)
    faces: Sequence[str]  # (n,) names as given

    def line_of(self, row: int, words: str) -> str:
        """A line of a message: where `row` (from 0) is, and `words` on it."""
        face = f", face {shown(self.faces[row])}" if self.faces[row] else ""
        return f"{self.path}, {self.unit} {self.numbers[row]}{face}: {words}"

    def place(self, row: int) -> str:
        """How a message refers to `row` (from 0): line 7."""
        return f"{self.unit} {self.numbers[row]}"


@dataclass(frozen=True)
class Problem:
    """What is wrong with some rows of a file."""

    has: NDArray[np.bool_]  # (n,) whether a row has it
    words: Callable[[int], str]  # on such a row (from 0): what is wrong, and what to do


def always(has: NDArray[np.bool_], words: str) -> Problem:
    """The same `words` on each row."""
    return Problem(has, lambda row: words)


def refuse(
    path: str | Path,
    whole: Iterable[str],
    rows: Rows | None = None,
    problems: Iterable[Problem] = (),
) -> None:
    """Raise all that is wrong as one `DataError`: a line for each of the first MOST problems.

    `whole`: what is wrong with the file, in words; `problems`: with its `rows`. Of several kinds of
    problems the message has the first of each, so that no kind hides another.
    """
    kinds = [[(-1, f"{path}: {words}")] for words in whole]
    count = len(kinds)
    if rows is not None:
        for problem in problems:
            at = np.flatnonzero(problem.has)
            count += len(at)
            first = [int(row) for row in at[:MOST]]
            kinds.append([(row, rows.line_of(row, problem.words(row))) for row in first])
    if count:
        alternately = chain.from_iterable(zip_longest(*kinds))
        shared = [found for found in alternately if found is not None][:MOST]
        lines = sorted(shared, key=itemgetter(0))
        more = [f"and {count - MOST} more"] if count > MOST else []
        raise DataError("\n".join([*(words for _, words in lines), *more]))


def faces_of(given: Sequence[str], names: Mapping[str, str]) -> "pd.Series[str]":
    """The face_id (n,) of each name in `given`, missing where `names` has none for it.

    Of a name that is not in `names` as it stands, a file ending and folders before it are ignored.
    """
    known = {one_form(name): face_id for name, face_id in names.items()}
    found = {name: _face(one_form(name), known) for name in set(given)}
    return pd.Series([found[name] for name in given], dtype="str")


def _face(name: str, known: Mapping[str, str]) -> str | None:
    if name in known:
        return known[name]
    text = name.strip()
    last = re.split(r"[/\\]", text)[-1]
    forms = (text, ENDING.sub("", text), last, ENDING.sub("", last))
    return next((known[form] for form in forms if form in known), None)


def strange_faces(
    rows: Rows, face_ids: "pd.Series[str]", names: Mapping[str, str]
) -> Iterator[Problem]:
    """Rows whose face has no name, or one that is not in `names`."""
    empty = np.array([not name.strip() for name in rows.faces], dtype=bool)
    yield always(empty, "the name of the face is empty; fill it in")
    example = shown(next(iter(names))) if names else "none"
    words = f"no face of this name was exported ({example} was); correct it, or remove the row"
    yield always(face_ids.isna().to_numpy() & ~empty, words)


def first_alike(keys: pd.DataFrame) -> NDArray[np.int64]:
    """For each row of `keys` the first (from 0) with the same; its own where a key is missing."""
    own = pd.Series(np.arange(len(keys)), index=keys.index)
    first = own.groupby([keys[column] for column in keys], sort=False).transform("min")
    return first.fillna(own).to_numpy(np.int64)
