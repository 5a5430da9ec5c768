"""Simulated studies of the heads, and whether their intervals hold what is true of them.

A world is one pair of training parts: on either, `HEADS` heads are trained, and all answer on the
whole population. A study of that world samples its trainings of these heads, and the persons of its
test parts of the population, each independently and with replacement: so the truth of any estimate
is what the same code gives on all heads and the whole population. It is conditional on the
training faces, as the estimate is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from calibration.pool import STUDY, Population, Stored
from facegap.classify.features import Cached
from facegap.classify.heads import new_head
from facegap.classify.training import Randomness, Schedule, head_logits, train_heads
from facegap.measure.classification import performance, transfer
from facegap.network import settle
from facegap.statistics.performance import Answers

HEADS = 30  # of a training part
SETTINGS = STUDY.classify.training
CONFIDENCE = 0.95
MODEL = "heads"
Values = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Sizes:
    """Faces of the parts of a study; the test parts have one of a person."""

    source_train: int
    source_test: int
    target_train: int
    target_test: int


@dataclass(frozen=True)
class Scenario:
    """What is planted: how the target is photographed, and its share of persons inside."""

    name: str
    distance: float
    inside: float | None = None  # None: as the population's
    same_training: bool = False  # both models on the same faces: no loss, by construction


def of_world(
    stored: Stored, scenario: Scenario, sizes: Sizes, studies: int, seed: int
) -> pd.DataFrame:
    """A row an estimate of each of `studies` of one world, with its truth and what it found."""
    settle(1)
    population = stored.load()
    rng = np.random.default_rng(seed)
    target = _faces_of(population, scenario.inside, rng)
    at_source = np.arange(population.tests)
    trained = sampled(population, sizes.source_train, None, rng)
    source = _Trained(population, trained, 0.0, seed)
    benchmark = source
    if not scenario.same_training:
        own = sampled(population, sizes.target_train, scenario.inside, rng)
        benchmark = _Trained(population, own, scenario.distance, seed + 1)
    asked = {
        ("source", "source"): source(0.0),
        ("source", "target"): source(scenario.distance),
        ("target", "target"): benchmark(scenario.distance),
    }
    every = np.arange(HEADS)
    truth = _estimates(population, asked, {"source": every, "target": every}, at_source, target)
    true = {_key(row): row["estimate"] for row in truth}
    found = []
    for study in range(studies):
        heads = {name: rng.integers(0, HEADS, SETTINGS.repeats) for name in ("source", "target")}
        faces = [
            rng.choice(rows, size)
            for rows, size in ((at_source, sizes.source_test), (target, sizes.target_test))
        ]
        for row in _estimates(population, asked, heads, *faces):
            about = {"scenario": scenario.name, "world": seed, "study": study}
            found.append({**about, **row, "truth": true[_key(row)]})
    return pd.DataFrame(found)


def summary(found: pd.DataFrame, quantities: Sequence[str]) -> pd.DataFrame:
    """By scenario and estimate: how often intervals hold the truth, and exclude zero."""
    own = found[found["quantity"].isin(quantities)]
    where = own.get("trained_on", pd.Series("", own.index))
    if "performance" in quantities:
        where = where + " on " + own["tested_on"]
    return tallied(own.assign(where=where if "performance" in quantities else ""))


def tallied(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each scenario, quantity, metric and `where` the studies, and what their intervals do."""
    table = rows.assign(
        held=(rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"]),
        found=(rows["low"] > 0) | (rows["high"] < 0),
        studies=1,
    ).groupby(["scenario", "quantity", "metric", "where"], sort=False)
    return table.agg(
        studies=("studies", "sum"),
        truth=("truth", "mean"),
        estimate=("estimate", "mean"),
        held=("held", "mean"),
        found=("found", "mean"),
        smallest=("smallest_detectable_effect", "mean"),
    ).reset_index()


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("quantity", "metric", "trained_on", "tested_on"))


def _faces_of(population: Population, inside: float | None, rng: np.random.Generator) -> Rows:
    """The faces that are tested, as many as have a share `inside` of them inside."""
    faces = np.arange(population.tests)
    if inside is None:
        return faces
    side = population.inside[faces]
    sides = {True: faces[side], False: faces[~side]}
    total = min(len(sides[True]) / inside, len(sides[False]) / (1 - inside))
    shares = {True: inside, False: 1 - inside}
    return np.concatenate(
        [rng.permutation(rows)[: int(total * shares[which])] for which, rows in sides.items()]
    )


def sampled(
    population: Population, faces: int, inside: float | None, rng: np.random.Generator
) -> Rows:
    """Training faces of random whole persons, `faces` or a few less."""
    rest = np.arange(population.tests, len(population.person))
    persons = np.unique(population.person[rest])
    if inside is not None:
        side = dict(zip(population.person, population.inside, strict=True))
        sides = [np.array([p for p in persons if side[p] == which]) for which in (True, False)]
        count = min(len(sides[0]) / inside, len(sides[1]) / (1 - inside))
        shares = (inside, 1 - inside)
        persons = np.concatenate(
            [
                rng.permutation(own)[: int(count * share)]
                for own, share in zip(sides, shares, strict=True)
            ]
        )
    of_person = pd.Series(rest).groupby(population.person[rest]).indices
    taken: list[int] = []
    for person in rng.permutation(persons):
        own = rest[of_person[person]]
        if len(taken) + len(own) > faces:
            break
        taken += own.tolist()
    return np.array(sorted(taken))


class _Trained:
    """Heads trained on one part; called with a distance, their answers (HEADS, tests)."""

    def __init__(self, population: Population, rows: Rows, distance: float, seed: int) -> None:
        pooled = population.features[distance][rows]
        entries = pd.DataFrame({"inside": population.inside[rows], "split": "train", "copy": 0})
        chances = [
            Randomness(
                np.random.default_rng([seed, k]), torch.Generator().manual_seed(seed * HEADS + k)
            )
            for k in range(HEADS)
        ]
        plan = Schedule.of(SETTINGS.head_training, "adam", SETTINGS)
        self._population = population
        masks = [chance.masks for chance in chances]
        self._head = new_head(torch.from_numpy(pooled), masks, SETTINGS.head, SETTINGS.standardise)
        cached = Cached(entries, pooled, pooled)
        train_heads(self._head, cached, chances, [plan], [MODEL] * HEADS)

    def __call__(self, distance: float) -> Values:
        features = self._population.features[distance][: self._population.tests]
        logits = head_logits(
            self._head, Cached(pd.DataFrame(), features, features), np.arange(len(features))
        )
        answers: Values = expit(logits.astype(float))
        return answers


def _estimates(
    population: Population,
    asked: Mapping[tuple[str, str], Values],
    heads: Mapping[str, Rows],
    source: Rows,
    target: Rows,
) -> Iterator[dict[str, Any]]:
    """Rows of ESTIMATES of the `heads` on the faces of the two test parts: each of a person."""
    faces = {"source": source, "target": target}
    tested = {
        (MODEL, trained_on, "full", dataset, "test"): Answers(
            population.inside[faces[dataset]],
            np.arange(len(faces[dataset])),
            answers[np.ix_(heads[trained_on], faces[dataset])],
        )
        for (trained_on, dataset), answers in asked.items()
    }
    for row in (*transfer(tested, MODEL, CONFIDENCE), *performance(tested, CONFIDENCE)):
        yield {"p": None, "smallest_detectable_effect": None, **row}
