"""What crossing the boundary does, told apart from how hard a side is and from crossing data sets.

Heads of one task were trained on the faces inside, on those outside, and on shares of both. All are
measured by balanced accuracy on the faces of each side of each data set, over persons and trainings
(facegap/statistics/performance.py).

group gap            one training, the faces inside less those outside: a side may be harder
own-side advantage   the same faces, trained on their side less trained on the other
interaction          the sum of both sides' advantages, which is the group gap of the head trained
                     inside less that of the head trained outside: how hard a side is cancels
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import combinations, permutations, product
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.configurations import BOTH, CROSSED, INSIDE, OUTSIDE
from facegap.groups import group_name
from facegap.measure.answers import persons_on
from facegap.measure.columns import bounded, difference
from facegap.measure.dose import Curve, Scored, halving_share
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.statistics.interval import row
from facegap.statistics.multiplicity import holm
from facegap.statistics.performance import (
    Answers,
    Measured,
    added,
    balanced_accuracy,
    clustered,
    gap,
    interval_of,
    log_odds,
    negated,
    paired,
    scaled,
)
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.classify import TASK_PREDICTIONS
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
Rows = Iterator[Row]
METRIC, LOG_ODDS = "balanced accuracy", "log odds"
FAMILY = "interaction of each task"
FAMILY_OF_TAILS = "interaction of each fine-tuned task"
ALL_TASKS = "all"


@dataclass(frozen=True)
class Task:
    """What all heads of a task answer, by what they trained on, data set and side tested on."""

    name: str
    training_faces: int  # of each head
    answers: Mapping[tuple[str, float, str, str], Answers]

    @property
    def datasets(self) -> list[str]:
        """Those that have its label."""
        return list(dict.fromkeys(key[0] for key in self.answers))

    @property
    def shares(self) -> list[float]:
        """Of the faces outside in training."""
        return sorted({key[1] for key in self.answers})

    def on(self, trained_on: str, share: float, tested_on: str, side: str) -> Measured:
        """Balanced accuracy of a head on the faces of a side."""
        return balanced_accuracy(self.answers[trained_on, share, tested_on, side])

    def gap(self, trained_on: str, share: float, tested_on: str) -> Measured:
        """Of one head, the faces inside less those outside."""
        return gap(*(self.on(trained_on, share, tested_on, side) for side in SIDES))

    def apart(self, trained_on: str, tested_on: str, side: str, metric: str) -> Measured:
        """On the faces of a side, the head trained inside less the head trained outside."""
        heads = [self.on(trained_on, share, tested_on, side) for share in (INSIDE, OUTSIDE)]
        if metric == LOG_ODDS:
            heads = [log_odds(each) for each in heads]
        return paired(*heads)

    def interaction(self, trained_on: str, tested_on: str, metric: str) -> Measured:
        """That difference on the faces inside, less that on the faces outside."""
        return gap(*(self.apart(trained_on, tested_on, side, metric) for side in SIDES))

    def of_set(self, trained_on: str, tested_on: str) -> Measured:
        """Of a head trained on both sides the mean of its accuracies on either."""
        inside, outside = (self.on(trained_on, BOTH, tested_on, side) for side in SIDES)
        return scaled(gap(inside, negated(outside)), 0.5)

    def curve(self, name: str) -> Curve:
        """What a data set's own heads answer on its own faces, inside and outside, by share."""
        inside, outside = (
            {share: Scored.of(self.answers[name, share, name, side]) for share in self.shares}
            for side in SIDES
        )
        return {share: (inside[share], outside[share]) for share in self.shares}

    def counts(self, tested_on: str, *sides: str) -> Row:
        """How many faces of the `sides`, and persons, are tested on."""
        every = [
            self.answers[self.datasets[0], INSIDE, tested_on, side].person
            for side in sides or SIDES
        ]
        person = np.concatenate(every)
        return {"faces": len(person), "persons": len(np.unique(person))}


def measure_tasks(
    *,
    predictions: list[Path],
    fine_tuned: list[Path],
    faces: list[Path],
    estimates: Path,
    study: str,
    datasets: list[str],
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the estimates (ESTIMATES) of the tasks, a table of `predictions` each.

    So of those of `fine_tuned`, which have a family of tests of their own and no part in the mean
    over tasks: they are the same tasks once more. `faces` (FACES) are in the order of `datasets`.
    """
    persons = numbered_persons(dict(zip(datasets, faces, strict=True)))
    tasks, tails = (
        [task_of(read_table(path, TASK_PREDICTIONS), persons) for path in paths]
        for paths in (predictions, fine_tuned)
    )
    level = intervals.confidence
    rows = [
        {"task": task.name, **each}
        for task in (*tasks, *tails)
        for each in (
            *of_heads(task, level),
            *_of_sides(task, level),
            *of_sets(task, level),
            *_of_dose(task, level, seed),
        )
    ]
    rows += of_tasks(tasks, level, FAMILY)
    rows += of_tasks(tails, level, FAMILY_OF_TAILS)
    rows += together(tasks, ALL_TASKS, level)
    write_table(table_of(rows, study), estimates, ESTIMATES)


def numbered_persons(faces: Mapping[str, Path]) -> pd.DataFrame:
    """Who is on each face, by data set and face id: a number, of each data set others."""
    found = persons_on(faces)
    return found.assign(person=pd.factorize(found["dataset"] + " " + found["person"])[0])


def task_of(table: pd.DataFrame, persons: pd.DataFrame) -> Task:
    """Of a table (TASK_PREDICTIONS) of one task; every head answers on the same faces, by id."""
    found = {}
    for (dataset, side), tested in table.groupby(["dataset", "side"], sort=True):
        known = tested.drop_duplicates("face_id")[["dataset", "face_id", "positive"]]
        known = known.merge(persons, on=["dataset", "face_id"]).sort_values("face_id")
        about = known["positive"].to_numpy(bool), known["person"].to_numpy(np.int64)
        for (trained_on, share), own in tested.groupby(["trained_on", "share"], sort=True):
            wide = own.pivot(index="face_id", columns="repeat", values="probability").sort_index()
            answers = Answers(*about, wide.to_numpy(float).T)
            found[str(trained_on), float(str(share)), str(dataset), str(side)] = answers
    first = table.iloc[0]
    return Task(str(first["task"]), int(first["training_faces"]), found)


def of_heads(task: Task, level: float) -> Rows:
    """Rows of "task performance" on either side, and of "group gap", of every head."""
    for trained_on, share, tested_on in product(task.datasets, task.shares, task.datasets):
        about = {"trained_on": trained_on, "share": share, "tested_on": tested_on, "metric": METRIC}
        for side in SIDES:
            found = interval_of(clustered(task.on(trained_on, share, tested_on, side)), level)
            yield {
                **{"quantity": "task performance", **about, "group": group_name({"side": side})},
                **bounded(found, 0),
                **task.counts(tested_on, side),
            }
        apart = interval_of(clustered(task.gap(trained_on, share, tested_on)), level)
        yield {
            **{"quantity": "group gap", **about},
            **difference(apart, level),
            **task.counts(tested_on),
        }


def _of_sides(task: Task, level: float) -> Rows:
    """Rows of "own-side advantage" on either side, and of "interaction", by both metrics."""
    for trained_on, tested_on, metric in product(task.datasets, task.datasets, (METRIC, LOG_ODDS)):
        about = {"trained_on": trained_on, "tested_on": tested_on, "metric": metric}
        for side in SIDES:
            apart = task.apart(trained_on, tested_on, side, metric)
            own = apart if side == "inside" else negated(apart)
            yield {
                **{"quantity": "own-side advantage", **about, "group": group_name({"side": side})},
                **_of_scale(own, metric, level, most=1.0),
                **task.counts(tested_on, side),
            }
        yield {
            **{"quantity": "interaction", **about},
            **_of_scale(task.interaction(trained_on, tested_on, metric), metric, level, most=2.0),
            **task.counts(tested_on),
        }


def of_sets(task: Task, level: float) -> Rows:
    """Rows of "data-set effect", and of "interaction difference", of each two data sets."""
    for own, other in permutations(task.datasets, 2):
        found = paired(task.of_set(own, own), task.of_set(other, own))
        yield {
            **{"quantity": "data-set effect", "metric": METRIC},
            **{"trained_on": other, "tested_on": own},
            **difference(interval_of(clustered(found), level), level),
            **task.counts(own),
        }
    for one, other in combinations(task.datasets, 2):
        parts = [task.interaction(name, name, METRIC) for name in (other, one)]
        found = added(parts[0], negated(parts[1]))
        yield {
            **{"quantity": "interaction difference", "metric": METRIC},
            **{"trained_on": other, "tested_on": one},
            **difference(interval_of(clustered(found), level), level, -4.0, 4.0),
        }


def _of_dose(task: Task, level: float, seed: int) -> Rows:
    """Rows of "training faces" of each head, and of "halving share", if there is a dose curve."""
    yield {"quantity": "training faces", "estimate": float(task.training_faces)}
    if len(task.shares) > len(CROSSED):
        curves = [task.curve(name) for name in task.datasets]
        rng = generator(seed, "halving_share", task=task.name)
        found = halving_share(curves, level, rng)
        yield {"quantity": "halving share", "metric": METRIC, **row(found)}


def of_tasks(tasks: Sequence[Task], level: float, family: str) -> list[Row]:
    """Rows of "own-side advantage" and "interaction" of each task over its data sets.

    Each data set's own heads answer on its own faces. Holm's correction is over the tasks.
    """
    rows = [row for task in tasks for row in together([task], task.name, level)]
    tests = [row for row in rows if (row["quantity"], row["metric"]) == ("interaction", METRIC)]
    for test, p in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test |= {"family": family, "adjusted_p": float(p)}
    return rows


def together(tasks: Sequence[Task], name: str, level: float) -> Rows:
    """Rows of "own-side advantage" on either side and "interaction", the mean over `tasks`."""
    for metric in (METRIC, LOG_ODDS):
        about = {"task": name, "metric": metric}
        for side in SIDES:
            apart = _mean(tasks, partial(Task.apart, side=side, metric=metric))
            advantage = apart if side == "inside" else negated(apart)
            yield {
                **{"quantity": "own-side advantage", **about},
                **{"group": group_name({"side": side})},
                **_of_scale(advantage, metric, level, most=1.0),
            }
        both = _mean(tasks, partial(Task.interaction, metric=metric))
        yield {"quantity": "interaction", **about, **_of_scale(both, metric, level, most=2.0)}


def _mean(tasks: Sequence[Task], measured: Callable[..., Measured]) -> Measured:
    """Of each task over its data sets, and over tasks; each has trainings of its own."""
    parts = [
        scaled(measured(task, trained_on=name, tested_on=name), 1 / len(task.datasets) / len(tasks))
        for task in tasks
        for name in task.datasets
    ]
    return reduce(added, parts)


def _of_scale(measured: Measured, metric: str, level: float, most: float) -> Row:
    """As columns of ESTIMATES: a difference of shares is within `most`, one of log odds is not."""
    most = most if metric == METRIC else inf
    return difference(interval_of(clustered(measured), level), level, -most, most)
