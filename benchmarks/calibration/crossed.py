"""Simulated studies of tasks beside the boundary: do the interaction's intervals hold the truth?

A world is one training part of either data set, of which every head samples its own faces, as in a
study; a study of that world samples its trainings of `HEADS` heads of each kind, and its test
persons of the population. The truth is what the same code gives on all of these, as in `studies`.
Where nothing is planted, the sides are random halves of the persons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.special import expit

from calibration.pool import STUDY, Population, Stored
from calibration.studies import CONFIDENCE, HEADS, Rows, Sizes, Values, sampled, tallied
from facegap.classify.features import Cached
from facegap.classify.plans import TaskPlan
from facegap.classify.tasks import TaskSet, logits_of, task_set, train_all
from facegap.configurations import CROSSED
from facegap.measure.tasks import ALL_TASKS, FAMILY, Task, of_heads, of_sets, of_tasks, together
from facegap.network import settle
from facegap.statistics.performance import Answers
from facegap.tables.base import SIDES

TASKS = STUDY.classify.tasks.labels
TRAININGS = STUDY.classify.tasks.trainings
DISTANCES = {"source": 0.0, "target": 1.0}  # of capture
KEY = ("quantity", "metric", "task", "trained_on", "tested_on", "group", "share")


@dataclass(frozen=True)
class World:
    """What all heads answer on the population: by task, data set and share, (HEADS, tests)."""

    side: np.ndarray  # (tests,), whether each face is inside
    labels: Mapping[str, np.ndarray]  # (tests,) by task
    answers: Mapping[tuple[str, str, float, str], Values]  # task, trained on, share, tested on

    def tasks(
        self, heads: Mapping[tuple[str, str, float], Rows], faces: Mapping[str, Rows]
    ) -> list[Task]:
        """What these `heads` answer on these `faces` of the population, each of a person."""
        found = []
        for name in self.labels:
            parts = {}
            for (task, trained_on, share, tested_on), given in self.answers.items():
                if task != name:
                    continue
                own = faces[tested_on]
                person = np.arange(len(own)) + (tested_on == "target") * 1_000_000
                chosen = given[heads[task, trained_on, share]]
                for side in SIDES:
                    which = self.side[own] == (side == "inside")
                    parts[trained_on, share, tested_on, side] = Answers(
                        self.labels[name][own[which]], person[which], chosen[:, own[which]]
                    )
            found.append(Task(name, 0, parts))
        return found


def of_world(stored: Stored, planted: bool, sizes: Sizes, studies: int, seed: int) -> pd.DataFrame:
    """A row an estimate of each of `studies` of one world, with its truth and what it found."""
    settle(1)
    population = stored.load()
    rng = np.random.default_rng([seed, planted])
    world = _world(population, planted, sizes, rng, seed)
    every = np.arange(HEADS)
    kinds = list(dict.fromkeys(key[:3] for key in world.answers))
    everybody = dict.fromkeys(DISTANCES, np.arange(population.tests))
    truth = _estimates(world.tasks(dict.fromkeys(kinds, every), everybody))
    true = {_key(row): row["estimate"] for row in truth}
    tests = {"source": sizes.source_test, "target": sizes.target_test}
    found = []
    for study in range(studies):
        heads = {kind: rng.integers(0, HEADS, TRAININGS) for kind in kinds}
        faces = {name: rng.integers(0, population.tests, size) for name, size in tests.items()}
        scenario = "group distance 1" if planted else "sides at random"
        for row in _estimates(world.tasks(heads, faces)):
            about = {"scenario": scenario, "world": seed, "study": study}
            found.append({**about, **row, "truth": true[_key(row)]})
    return pd.DataFrame(found)


def _world(
    population: Population, planted: bool, sizes: Sizes, rng: np.random.Generator, seed: int
) -> World:
    side = population.inside
    if not planted:
        halves = rng.random(population.person.max() + 1) < 0.5
        side = halves[population.person]
    trains = {
        "source": sampled(population, sizes.source_train, None, rng),
        "target": sampled(population, sizes.target_train, None, rng),
    }
    answers: dict[tuple[str, str, float, str], Values] = {}
    plan = TaskPlan(list(CROSSED), HEADS, ["test"], None)
    for task in TASKS:
        sets = {
            name: _task_set(population, side, task, trains[name], distance)
            for name, distance in DISTANCES.items()
        }
        heads, trained, _ = train_all(
            sets, task, plan, STUDY.classify.training, "adam", seed, torch.device("cpu")
        )
        for name, own in sets.items():
            logits = logits_of(heads, own)
            placed = np.empty(logits.shape)
            placed[:, own.tested] = expit(logits.astype(float))  # the tests are the first rows
            for kind in dict.fromkeys((each.dataset, each.share) for each in trained):
                which = [k for k, each in enumerate(trained) if (each.dataset, each.share) == kind]
                answers[task, *kind, name] = placed[which]
    tests = slice(0, population.tests)
    labels = {task: population.labels[task][tests] for task in TASKS}
    return World(side[tests], labels, answers)


def _task_set(
    population: Population, side: np.ndarray, task: str, trains: Rows, distance: float
) -> TaskSet:
    """The population's test persons, and the training faces `trains`, at a capture distance."""
    rows = np.concatenate([np.arange(population.tests), trains])
    names = pd.Series(rows).astype(str)
    entries = pd.DataFrame({"face_id": names, "inside": side[rows], "agreed": True, "copy": 0})
    entries["split"] = np.where(rows < population.tests, "test", "train")
    entries["person"] = population.person[rows].astype(str)
    label = pd.Series(population.labels[task][rows].astype(float), index=names)
    pooled = np.asarray(population.features[distance][rows])
    return task_set(Cached(entries, pooled, pooled), label, ["test"])


def _estimates(tasks: list[Task]) -> list[dict[str, Any]]:
    heads = [{"task": task.name, **row} for task in tasks for row in of_heads(task, CONFIDENCE)]
    own = [row for row in heads if row["trained_on"] == row["tested_on"]]
    sets = [{"task": task.name, **row} for task in tasks for row in of_sets(task, CONFIDENCE)]
    every = together(tasks, ALL_TASKS, CONFIDENCE)
    return [*own, *sets, *of_tasks(tasks, CONFIDENCE, FAMILY), *every]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in KEY)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """By scenario and estimate, over tasks: how often intervals hold the truth, exclude zero."""
    quantities = (
        *("interaction", "own-side advantage", "group gap", "task performance"),
        *("data-set effect", "interaction difference"),
    )
    own = found[found["quantity"].isin(quantities)]
    of_all = np.where(own["task"] == "all", "of all tasks", "of one task")
    return tallied(own.assign(where=of_all))
