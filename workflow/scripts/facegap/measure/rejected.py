"""The share of each group that alignment rejected, and whether one loses more than another."""

from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.boundary import same_groups
from facegap.groups import age_band, group_name, in_order
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups
from facegap.statistics.interval import row
from facegap.statistics.multiplicity import holm
from facegap.statistics.permutation import exchange_p
from facegap.statistics.proportions import cluster_wilson
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Factors = dict[str, "pd.Series[str]"]  # by factor: the group of each face, or missing


def measure_rejected(
    *,
    faces: list[Path],
    rejected: list[Path],
    labels: list[Path],
    estimates: Path,
    study: str,
    datasets: list[str],
    sides: dict[str, str],
    groups: Groups,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the share of faces that alignment rejected, by data set and group (ESTIMATES).

    Groups are those of the data sets' own labels (gender, race, age) and the sides of the boundary
    where there are labels of it, by the names that `sides` gives them; those of fewer persons than
    `groups.least_persons` are counted alone. Intervals are Wilson's, with
    the effective number of persons. A factor's p value is of equal shares in all its groups, by
    exchanging labels between persons at random; the p values of all tests are adjusted together
    (Holm 1979). `faces`, `rejected` and `labels` are in the order of `datasets`.
    """
    tests: list[list[dict[str, Any]]] = []
    for dataset, *places in zip(datasets, faces, rejected, labels, strict=True):
        table = read_table(places[0], FACES)
        lost = table["face_id"].isin(read_table(places[1], REJECTED)["face_id"])
        person = table["subject_id"].fillna(table["face_id"])
        side = read_table(places[2], LABELS).set_index("face_id")["side"]
        boundary = table["face_id"].map(side).map(sides)
        for factor, names in _factors(table, boundary, intervals.age_bands).items():
            known = names.notna()
            if names[known].nunique() > 1:
                rng = generator(seed, "rejected_shares", dataset=dataset, grouping=factor)
                parts = (names[known], lost[known], person[known])
                p = exchange_p(*parts, rng)
                shares = _shares(factor, *parts, intervals.confidence, groups.least_persons)
                tests.append([{**share, "tested_on": dataset, "p": p} for share in shares])
    adjusted = holm([test[0]["p"] for test in tests])
    rows = [
        {**each, "p": _missing(each["p"]), "adjusted_p": _missing(value)}
        for test, value in zip(tests, adjusted, strict=True)
        for each in test
    ]
    write_table(table_of(rows, study), estimates, ESTIMATES)


def _factors(table: pd.DataFrame, boundary: "pd.Series[str]", age_bands: Sequence[int]) -> Factors:
    """The boundary, and each of the data set's own labels that does not part the faces alike."""
    own = {
        "gender": table["gender"],
        "race": table["race_raw"],
        "age": age_band(table["age"], age_bands),
    }
    other = {factor: groups for factor, groups in own.items() if not same_groups(groups, boundary)}
    return {"boundary": boundary, **other}


def _shares(
    factor: str,
    groups: "pd.Series[str]",
    lost: "pd.Series[bool]",
    person: "pd.Series[str]",
    confidence: float,
    least: int,
) -> Iterator[dict[str, Any]]:
    """A row a group, without a number where it has fewer than `least` persons."""
    for name in in_order(groups.unique()):
        own = groups == name
        persons = person[own].nunique()
        shown = persons >= least
        yield {
            "quantity": "rejected share",
            "group": group_name({factor: name}),
            **(row(cluster_wilson(lost[own], person[own], confidence)) if shown else {}),
            "faces": int(own.sum()),
            "persons": persons,
            "family": "rejected shares",
        }


def _missing(p: float | np.float64) -> float | None:
    return None if isnan(p) else float(p)
