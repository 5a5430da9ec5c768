"""Distances of all groups of images, their floors and their null check, a seed at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.measure.distances import (
    SPLITS,
    Distance,
    Features,
    Halves,
    by_group,
    floors,
    frechet_distance,
    groups_of,
    kernel_distance,
    mean_distance,
    splits,
)
from facegap.measure.gaps import random_halves
from facegap.measure.outputs import ALL_TOGETHER, Group
from facegap.seeds import generator
from facegap.tables.base import DOMAINS

Values = NDArray[np.float64]
INCEPTION: Mapping[str, Distance] = {"KID": kernel_distance, "FID": frechet_distance}
OWN: Mapping[str, Distance] = {
    "classifier kernel distance": kernel_distance,
    "classifier Frechet distance": frechet_distance,
}
BIASED = ("FID", "classifier Frechet distance")  # by few faces: of all together alone


@dataclass(frozen=True)
class Plan:
    """Which images make the sets, the same for all seeds.

    Of each group of images the splits, and of each image the group of persons that is left out
    together (-1: not of the group); of each seed the splits of the null check, two halves of the
    in-domain persons each. Empty where there are too few faces.
    """

    halves: list[list[dict[str, Halves]]]
    left_out: list[NDArray[np.int64]]
    null: dict[int, list[dict[str, Halves]]]


@dataclass(frozen=True)
class SetDistances:
    """Of one seed: `values` by metric, number of the group and domain, the mean of which is the
    distance (`by_group`); of all together the floors of each split, by metric and domain, and the
    gaps of the null check by metric.
    """

    values: dict[tuple[str, int, str], Values]
    floors: dict[tuple[str, str], Values]
    null: dict[str, Values]


def plan_sets(
    table: pd.DataFrame, groups: Sequence[Group], null_splits: int, seeds: Sequence[int], seed: int
) -> Plan:
    """The sets of `table` (TRANSLATIONS, with `original`)."""
    domains = {name: (table["domain"] == name).to_numpy() for name in DOMAINS}
    real = (table["kind"] == "original").to_numpy()
    person = table["subject_id"].to_numpy()
    halves, left_out = [], []
    for group in groups:
        named = {"attribute": group.attribute or "all", "group": group.named()}
        rng = generator(seed, "realism_splits", **named)
        used = group.made | (group.fits & real)
        parts = {name: np.flatnonzero(own & used) for name, own in domains.items()}
        of = np.full(len(table), -1)
        for rows in parts.values():
            of[rows] = groups_of(person[rows], rng)
        found = splits(table, parts, rng, SPLITS)
        halves.append(found if _enough_left(found, of) else [])
        left_out.append(of)
    used = domains[DOMAINS[0]] & (groups[ALL_TOGETHER].made | real)
    null = {}
    for which in seeds:
        rng = generator(seed, "realism_null_splits", seed_of_synthesis=which)
        null[which] = _null_splits(table, np.flatnonzero(used), null_splits, rng)
    return Plan(halves, left_out, null)


def _enough_left(found: list[dict[str, Halves]], group: NDArray[np.int64]) -> bool:
    """Whether each set has two faces still when a group of persons is left out of it."""
    sets = [rows for split in found for h in split.values() for rows in (h.real, h.made)]
    return all(len(rows) - np.bincount(group[rows]).max() >= 2 for rows in sets)


def _null_splits(
    table: pd.DataFrame, rows: NDArray[np.int64], count: int, rng: np.random.Generator
) -> list[dict[str, Halves]]:
    """Of two random halves of the persons of `rows`, one split of either, `count` times."""
    person = pd.factorize(table["subject_id"].iloc[rows])[0]
    found = []
    for one in random_halves(int(person.max()) + 1, count, rng):
        parts = {"one": rows[one[person]], "other": rows[~one[person]]}
        split = splits(table, parts, rng, 1)
        if not split:
            return []
        found += split
    return found


def set_distances(
    plan: Plan, which: int, features: Features, measures: Mapping[str, Distance]
) -> SetDistances:
    """Of the images of the seed `which`, which have `features` (n, d)."""
    values, lowest, null = {}, {}, {}
    for metric, distance in measures.items():
        for k, splits_of in enumerate(plan.halves):
            if metric in BIASED and k != ALL_TOGETHER:
                continue
            for domain in DOMAINS if splits_of else ():
                halves = [split[domain] for split in splits_of]
                values[metric, k, domain] = by_group(distance, features, halves, plan.left_out[k])
                if k == ALL_TOGETHER:
                    lowest[metric, domain] = floors(distance, features, halves)
        if pairs := plan.null[which]:
            each = [
                [mean_distance(distance, features, [pair[name]]) for name in ("one", "other")]
                for pair in pairs
            ]
            null[metric] = np.diff(np.array(each), axis=1)[:, 0]
    return SetDistances(values, lowest, null)
