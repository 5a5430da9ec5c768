"""Groups of persons: how they are named, and how they are ordered."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, pairwise

import pandas as pd

ALL = "all"
NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)")
WITHIN = " ×\N{NO-BREAK SPACE}"  # the same sign within a value


def group_name(values: Mapping[str, str]) -> str:
    """`{"gender": "male", "age": "0 to 29"}` as "gender: male × age: 0 to 29"; of none, all.

    Values may be a user's words: a " × " in one gets a space of its own, that does not break.
    """
    parts = [f"{factor}: {value.replace(' × ', WITHIN)}" for factor, value in values.items()]
    return " × ".join(parts) or ALL


def group_values(name: str) -> dict[str, str]:
    """The factors and values of a `group_name`."""
    if name == ALL:
        return {}
    pairs = [part.split(": ", 1) for part in name.split(" × ")]
    return {factor: value.replace(WITHIN, " × ") for factor, value in pairs}


def age_band(age: "pd.Series[float]", starts: Sequence[int]) -> "pd.Series[str]":
    """The band of each age in years, missing where the age is; a new one begins at each start."""
    edges = [0, *sorted(starts), 200]
    names = [f"0 to {edges[1] - 1}"]
    names += [f"{low} to {high - 1}" for low, high in pairwise(edges[1:-1])]
    names += [f"{edges[-2]} and over"]
    bands = pd.cut(age, edges, right=False, labels=names)
    return bands.astype(object).where(bands.notna(), None)


def in_order(names: Iterable[str]) -> list[str]:
    """The names sorted, numbers in them by their value, so that bands of age follow each other."""
    return sorted(
        names,
        key=lambda name: [
            float(part) if number else part
            for number, part in zip(cycle((False, True)), NUMBER.split(name), strict=False)
        ],
    )
