"""Groups of persons as the report tells them apart: bands of age, and the order of names."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pandas as pd


def bands_of_age(age: "pd.Series[float]", starts: Sequence[int]) -> "pd.Series[str]":
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
        names, key=lambda name: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", name)]
    )
