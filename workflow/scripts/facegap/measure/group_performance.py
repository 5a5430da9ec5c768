"""Accuracy in groups of persons, and calibration."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.boundary import same_groups
from facegap.groups import age_band, group_name
from facegap.settings.measure import Intervals
from facegap.statistics.interval import row
from facegap.statistics.proportions import cluster_wilson
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

BINS = 10  # of the calibration curve, of equal numbers of faces
LEAST = 10  # persons in a group that is reported
FACTORS = ("side", "gender", "age")


def by_group(
    answers: pd.DataFrame, faces: Mapping[str, Path], intervals: Intervals
) -> Iterator[dict[str, Any]]:
    """Rows of "group performance": of one model (`mean_answers`), in each group of each test part.

    Groups: all, side, gender, age band, and each crossing of these; those of fewer than LEAST
    persons are left out, and a factor with the same groups as the boundary is counted once.
    Intervals are Wilson's over persons, of use at 0 and 1, too.
    """
    known = answers.merge(_factors(faces, intervals.age_bands), on=["dataset", "face_id"])
    known["side"] = np.where(known["inside"], "inside", "outside")
    for factor in ("gender", "age"):
        for _, part in known.groupby("dataset"):
            if same_groups(part["side"], part[factor]):
                known.loc[part.index, factor] = None
    for factors in _crossings(FACTORS):
        for names, part in known.dropna(subset=factors).groupby(["dataset", *factors], sort=True):
            dataset, *values = map(str, names)
            count = part["person"].nunique()
            if count >= LEAST:
                interval = cluster_wilson(part["right"], part["person"], intervals.confidence)
                yield {
                    "quantity": "group performance",
                    "tested_on": dataset,
                    "group": group_name(dict(zip(factors, values, strict=True))),
                    **row(interval),
                    "faces": len(part),
                    "persons": count,
                }


def _crossings(factors: Sequence[str]) -> Iterator[list[str]]:
    """Each set of the factors, smaller ones first; the first is empty."""
    for count in range(len(factors) + 1):
        for some in combinations(factors, count):
            yield list(some)


def _factors(faces: Mapping[str, Path], age_bands: Sequence[int]) -> pd.DataFrame:
    """The gender and the age band of each face, missing where the data set has none."""
    parts = []
    for dataset, path in faces.items():
        table = read_table(path, FACES)
        known = table[["face_id", "gender"]].assign(dataset=dataset, age=None)
        if table["age"].notna().any():
            known["age"] = age_band(table["age"], age_bands)
        elif "Young" in table:  # CelebA has no years
            known["age"] = table["Young"].map({1: "young", 0: "not young"})
        parts.append(known)
    return pd.concat(parts)


def calibration(answers: pd.DataFrame, confidence: float) -> Iterator[dict[str, Any]]:
    """Rows of "calibration": how often a face is inside, by the probability that it got.

    `answers` (`mean_answers`) are of one model. Bins of equal numbers of faces, equal probabilities
    in one bin; Wilson's interval over persons.
    """
    for dataset, part in answers.groupby("dataset", sort=True):
        part = part.assign(bin=pd.qcut(part["probability"], BINS, labels=False, duplicates="drop"))
        for number, (_, faces) in enumerate(part.groupby("bin", sort=True)):
            yield {
                "quantity": "calibration",
                "tested_on": str(dataset),
                "group": group_name({"bin": str(number)}),
                "share": float(faces["probability"].mean()),
                **row(cluster_wilson(faces["inside"], faces["person"], confidence)),
                "faces": len(faces),
                "persons": faces["person"].nunique(),
            }
