"""Tasks beside the boundary: heads trained on its inside, its outside and on both, in each set.

The classifier of the boundary itself cannot be trained on one side. A label that both sides have
can be learnt on either, so these heads tell what crossing the boundary does from how hard a side
is. All heads of a task are trained on equally many faces with equal shares of its label, in one
tensor program, and tested on the faces of either side of each data set.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from facegap.attributes import labels_of
from facegap.classify.features import Cached, read_features
from facegap.classify.heads import Head, new_head, standards
from facegap.classify.plans import Candidates, TaskPlan
from facegap.classify.training import Randomness, Schedule, head_logits, train_heads
from facegap.configurations import configuration
from facegap.errors import TrainingError
from facegap.files import read_json
from facegap.network import settle
from facegap.seeds import generator, number
from facegap.settings.classify import Training
from facegap.tables.acquire import FACES
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.classify import TASK_PREDICTIONS

log = logging.getLogger(__name__)
AT_ONCE = 256  # faces that are tested
Rows = NDArray[np.int64]
Strata = Mapping[tuple[str, bool], Rows]  # by side and label


@dataclass(frozen=True)
class TaskSet:
    """A data set that has the task's label: its features, whose `inside` is the label.

    `trains` has the rows (faces, copies) of the training faces of each stratum, `tests` (faces,)
    those that test.
    """

    cached: Cached
    trains: Strata
    tests: Strata

    @property
    def tested(self) -> Rows:
        """The rows (n,) that test, stratum by stratum."""
        return np.concatenate(list(self.tests.values()))


@dataclass(frozen=True)
class Trained:
    """Which head it is."""

    dataset: str
    share: float  # of faces outside
    repeat: int


def train_task(
    *,
    selected: Path,
    features: list[Path],
    faces: list[Path],
    predictions: Path,
    candidates: Candidates,
    settings: Training,
    plan: TaskPlan,
    datasets: list[str],
    task: str,
    threads: int,
    seed: int,
) -> None:
    """Write what the heads of a `task` answer on the test parts (TASK_PREDICTIONS).

    `selected` names the backbone, the preprocessing and the optimiser of the heads; `features` are
    the folders of the candidates, `faces` (FACES) are in the order of `datasets`, of which those
    that have the label take part. Raises `TrainingError` where none has it, where a side has too
    few faces with or without it, and where there are fewer faces than a batch.
    """
    chosen = configuration(read_json(selected)["name"])
    device = settle(threads)
    folder = dict(zip(candidates.backbones, features, strict=True))[chosen.backbone]
    places = dict(zip(datasets, faces, strict=True))
    sets = read_sets(folder / chosen.preprocessing, places, task, plan)
    heads, trained, count = train_all(
        sets, task, plan, settings, chosen.head_optimiser, seed, device
    )
    answers = [answers_of(logits_of(heads, own), name, own, trained) for name, own in sets.items()]
    table = pd.concat(answers, ignore_index=True).assign(task=task, training_faces=count)
    write_table(table[list(TASK_PREDICTIONS.columns)], predictions, TASK_PREDICTIONS)


def read_sets(
    features: Path, faces: Mapping[str, Path], task: str, plan: TaskPlan
) -> dict[str, TaskSet]:
    """The data sets that have the task's label, of those whose `faces` (FACES) these are.

    `features` has a folder of features of each.
    """
    sets = {}
    for name, path in faces.items():
        label = labels_of(read_table(path, FACES), task, plan.young_below, path)
        if label is not None:
            sets[name] = task_set(read_features(features / name), label, plan.tests)
    return sets


def train_all(
    sets: Mapping[str, TaskSet],
    task: str,
    plan: TaskPlan,
    settings: Training,
    optimiser: str,
    seed: int,
    device: torch.device,
) -> tuple[Head, list[Trained], int]:
    """The heads of a task, side by side, which each of them is, and the faces it trained on."""
    counts = counts_of(sets, task, plan.shares)
    trained = [Trained(*each) for each in product(sets, plan.shares, range(plan.trainings))]
    together, first = _together(sets)
    rows = np.stack(
        [
            sampled(sets[each.dataset], task, each, counts, seed) + first[each.dataset]
            for each in trained
        ]
    )
    if settings.head_training.batch > rows.shape[1]:
        raise TrainingError(
            f"task {task}: a batch of {settings.head_training.batch}, but {rows.shape[1]} training"
            " faces; lower classify.training.head_training.batch, or use more faces"
        )
    schedule = Schedule.of(settings.head_training, optimiser, settings)
    chances = [_chance(task, each, seed) for each in trained]
    heads = _new_heads(together, rows, chances, settings, device)
    names = [f"{task} on {each.dataset}, {each.share:.0%} outside" for each in trained]
    losses = train_heads(heads, together, chances, [schedule], names, rows=rows)
    log.info(
        "%s: %d heads on %d faces each, last loss %.3f", task, *rows.shape[:2], losses[-1].mean()
    )
    return heads, trained, rows.shape[1]


def task_set(cached: Cached, label: "pd.Series[float]", tests: Sequence[str]) -> TaskSet:
    """A data set's features with the task's `label`, by face id, in place of the side.

    `tests` are the parts that test. Faces without a label, and those on whose side annotators
    differ, neither train nor test.
    """
    entries = cached.entries
    positive = entries["face_id"].map(label)
    known = (entries["agreed"] & positive.notna()).to_numpy()
    has = positive.to_numpy() == 1
    inside = entries["inside"].to_numpy()
    train, test = cached.rows("train"), cached.of_parts(tests)

    def strata(rows: Rows) -> Strata:
        one = rows.reshape(len(rows), -1)[:, 0]  # copies of a face are alike in all of this
        return {
            (side, value): rows[
                known[one] & (inside[one] == (side == "inside")) & (has[one] == value)
            ]
            for side, value in product(SIDES, (True, False))
        }

    labelled = replace(cached, entries=entries.assign(inside=has))
    return TaskSet(labelled, strata(train), strata(test))


def counts_of(sets: Mapping[str, TaskSet], task: str, shares: Sequence[float]) -> dict[bool, int]:
    """How many faces with and without the label every training has: what the smallest stratum has.

    Raises `TrainingError` where there are too few to train or to test on.
    """
    if not sets:
        raise TrainingError(
            f"no data set has the label {task}; take it out of classify.tasks.labels"
        )
    for name, own in sets.items():
        for (side, value), rows in own.trains.items():
            persons = own.cached.entries["person"].to_numpy()[own.tests[side, value]]
            few = len(rows) < 2 or len(set(persons)) < 2
            if few:
                raise TrainingError(
                    f"task {task}: {name} shows {len(rows)} training faces and {len(set(persons))}"
                    f" persons to test on that are {side} and {'' if value else 'not '}{task}; two"
                    " of either are needed at the least: take it out of classify.tasks.labels, or"
                    " use more faces"
                )
    counts = {
        value: min(len(own.trains[side, value]) for own in sets.values() for side in SIDES)
        for value in (True, False)
    }
    for share, count in product(shares, counts.values()):
        if 0 < share < 1 and not 0 < round(share * count) < count:
            raise TrainingError(
                f"task {task}: a share of {share:g} of {count} faces is less than one face; take it"
                " out of classify.tasks.dose.shares, or use more faces"
            )
    return counts


def _together(sets: Mapping[str, TaskSet]) -> tuple[Cached, dict[str, int]]:
    """All sets one after another, and where each begins."""
    every = [own.cached for own in sets.values()]
    begins = np.cumsum([0, *(len(each.pooled) for each in every[:-1])])
    pooled = np.concatenate([each.pooled for each in every])
    entries = pd.concat([each.entries for each in every], ignore_index=True)
    return Cached(entries, pooled, pooled), dict(zip(sets, begins.tolist(), strict=True))


def sampled(own: TaskSet, task: str, each: Trained, counts: Mapping[bool, int], seed: int) -> Rows:
    """The rows (faces, copies) of one training.

    Of each stratum the first faces of a random order, the same for all shares: with more faces
    outside some inside are replaced, and the others stay.
    """
    rng = generator(seed, "task_faces", task=task, dataset=each.dataset, repeat=each.repeat)
    taken = []
    for (side, value), rows in own.trains.items():
        outside = round(each.share * counts[value])
        count = outside if side == "outside" else counts[value] - outside
        taken.append(rng.permutation(rows)[:count])
    return np.concatenate(taken)


def _chance(task: str, each: Trained, seed: int) -> Randomness:
    names = {"task": task, **asdict(each)}
    return Randomness(
        generator(seed, "task_order", **names),
        torch.Generator().manual_seed(number(seed, "task_masks", **names)),
    )


def _new_heads(
    together: Cached,
    rows: Rows,
    chances: Sequence[Randomness],
    settings: Training,
    device: torch.device,
) -> Head:
    """New heads, each of which standardises by its own training faces."""

    def own(k: int) -> torch.Tensor:
        return torch.from_numpy(together.pooled[rows[k].ravel()]).to(device)

    heads = new_head(own(0), [each.masks for each in chances], settings.head, standardise=False)
    if not settings.standardise:
        return heads
    shifts, scales = zip(*(standards(own(k)) for k in range(len(rows))), strict=True)
    return replace(heads, shift=torch.stack(shifts)[:, None], scale=torch.stack(scales)[:, None])


def logits_of(heads: Head, own: TaskSet) -> NDArray[np.float32]:
    """The logits (heads, n) of all heads on the faces that test."""
    rows = own.tested
    starts = range(0, len(rows), AT_ONCE)  # each head standardises, so it has features of its own
    parts = [head_logits(heads, own.cached, rows[i : i + AT_ONCE]) for i in starts]
    return np.concatenate(parts, axis=1)


def answers_of(
    logits: NDArray[np.float32], dataset: str, own: TaskSet, trained: Sequence[Trained]
) -> pd.DataFrame:
    """What the `logits` (trainings, n) say of the faces that test in a data set.

    Columns of TASK_PREDICTIONS.
    """
    sides = [side for (side, _), stratum in own.tests.items() for _ in stratum]
    faces = pd.DataFrame(
        {
            "dataset": dataset,
            "face_id": own.cached.entries["face_id"].to_numpy()[own.tested],
            "side": sides,
            "positive": own.cached.inside(own.tested) == 1,
        }
    )
    return pd.concat(
        faces.assign(
            trained_on=each.dataset,
            share=each.share,
            repeat=each.repeat,
            probability=expit(row.astype(float)),
        )
        for each, row in zip(trained, logits, strict=True)
    )
