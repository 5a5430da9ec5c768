"""Heads trained and tested with still more labels wrong, to see what wrong labels do (SIMEX).

What more error does to an estimate tells what the error that is there has done to it (Cook and
Stefanski 1994; of labels Küchenhoff, Mwalili and Lesaffre 2006). Wrong are all labels of a person.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from facegap.attributes import labels_of
from facegap.classify.features import Cached, read_features
from facegap.classify.heads import Head, new_head
from facegap.classify.plans import Candidates, TaskPlan
from facegap.classify.tasks import answers_of, logits_of, task_set, train_all
from facegap.classify.training import Randomness, Schedule, head_logits, train_heads
from facegap.configurations import INSIDE, OUTSIDE, configuration
from facegap.errors import TrainingError
from facegap.files import read_json
from facegap.network import settle
from facegap.progress import paced
from facegap.seeds import generator, number
from facegap.settings.classify import Training
from facegap.settings.crossed import LabelError
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import MISLABELLED, MISLABELLED_TASKS

log = logging.getLogger(__name__)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Simulated:
    """One time that so many more labels are wrong: of the n entries of the target, which."""

    rate: float
    simulation: int
    wrong: NDArray[np.bool_]  # (n,)


@dataclass(frozen=True)
class Trainer:
    """What all trainings share."""

    schedule: Schedule
    settings: Training
    trainings: int
    seed: int
    device: torch.device

    def heads(self, cached: Cached, simulated: Sequence[NDArray[np.bool_]], name: str) -> Head:
        """The heads of each simulation in turn, trained side by side with the same chances.

        A wrong label is that of a second copy of the entries, which has the other side.
        """
        rows = cached.rows("train")
        chances = [self._chance(name, k) for _ in simulated for k in range(self.trainings)]
        pooled = torch.from_numpy(cached.pooled[rows.ravel()]).to(self.device)
        masks = [each.masks for each in chances]
        heads = new_head(pooled, masks, self.settings.head, self.settings.standardise)
        own = [rows + len(cached.entries) * wrong[rows] for wrong in simulated]
        names = [f"{name} with wrong labels"] * len(chances)
        every = np.repeat(np.stack(own), self.trainings, axis=0)
        train_heads(heads, _doubled(cached), chances, [self.schedule], names, rows=every)
        return heads

    def _chance(self, name: str, repeat: int) -> Randomness:
        names: dict[str, str | int] = {"dataset": name, "repeat": repeat}
        return Randomness(
            generator(self.seed, "mislabelled_order", **names),
            torch.Generator().manual_seed(number(self.seed, "mislabelled_masks", **names)),
        )


def train_mislabelled(
    *,
    selected: Path,
    features: list[Path],
    mislabelled: Path,
    candidates: Candidates,
    settings: Training,
    plan: LabelError,
    threads: int,
    seed: int,
) -> None:
    """Write what heads of source and target answer when more of the target's labels are wrong.

    `selected` names backbone, preprocessing and the optimiser of the heads, `features` are the
    folders of the candidates. The source's labels are its own, and stay. Of each of `plan.rates`
    there are `plan.simulations`: in each so many more of the target's labels are wrong, of which
    its heads are trained again, and by which the heads of both are judged (MISLABELLED).
    """
    chosen = configuration(read_json(selected)["name"])
    device = settle(threads)
    folder = dict(zip(candidates.backbones, features, strict=True))[chosen.backbone]
    source, target = (
        read_features(folder / chosen.preprocessing / name) for name in ("source", "target")
    )
    schedule = Schedule.of(settings.head_training, chosen.head_optimiser, settings)
    trainer = Trainer(schedule, settings, plan.trainings, seed, device)
    heads = trainer.heads(source, [np.zeros(len(source.entries), bool)], "source")
    simulated = list(_simulated(target, plan, seed))
    parts = [_answers(heads, source, "source", "source", Simulated(0.0, 0, _none(source)))]
    parts += [_answers(heads, target, "source", "target", each) for each in simulated]
    for rate in paced([0.0, *plan.rates], "rates", log):
        alike = [each for each in simulated if each.rate == rate]
        again = trainer.heads(target, [each.wrong for each in alike], "target")
        for k, each in enumerate(alike):
            few = slice(k * plan.trainings, (k + 1) * plan.trainings)
            parts.append(_answers(again, target, "target", "target", each, few))
    table = pd.concat(parts, ignore_index=True)
    write_table(table[list(MISLABELLED.columns)], mislabelled, MISLABELLED)


def train_task_mislabelled(
    *,
    selected: Path,
    features: list[Path],
    faces: Path,
    mislabelled_tasks: Path,
    candidates: Candidates,
    settings: Training,
    task_plan: TaskPlan,
    plan: LabelError,
    task: str,
    threads: int,
    seed: int,
) -> None:
    """Write what a task's heads answer when more of the target's faces are on the wrong side.

    The sides decide on whom a head trains, and on which faces it is tested; heads are trained on
    inside and on outside faces of the target, whose `faces` (FACES) may have the label
    (MISLABELLED_TASKS; without a row where they have not). A simulation that leaves a side too few
    faces has no rows, and is named in the log.
    """
    chosen = configuration(read_json(selected)["name"])
    device = settle(threads)
    folder = dict(zip(candidates.backbones, features, strict=True))[chosen.backbone]
    target = read_features(folder / chosen.preprocessing / "target")
    label = labels_of(read_table(faces, FACES), task, task_plan.young_below, faces)
    own_plan = replace(task_plan, shares=[INSIDE, OUTSIDE], trainings=plan.trainings)
    columns = list(MISLABELLED_TASKS.columns)
    if label is None:
        write_table(pd.DataFrame(columns=columns), mislabelled_tasks, MISLABELLED_TASKS)
        return
    parts = [pd.DataFrame(columns=columns)]
    for each in paced(list(_simulated(target, plan, seed)), "times", log):
        placed = target.entries.assign(inside=target.entries["inside"] ^ each.wrong)
        own = task_set(replace(target, entries=placed), label, ["test"])
        try:
            heads, trained, count = train_all(
                {"target": own}, task, own_plan, settings, chosen.head_optimiser, seed, device
            )
        except TrainingError as error:
            log.warning("left out, with %s more wrong: %s", each.rate, error)
            continue
        answers = answers_of(logits_of(heads, own), "target", own, trained)
        about = {"rate": each.rate, "simulation": each.simulation}
        parts.append(answers.assign(task=task, training_faces=count, **about))
    table = pd.concat(parts[1:] or parts, ignore_index=True)
    write_table(table[columns], mislabelled_tasks, MISLABELLED_TASKS)


def _simulated(target: Cached, plan: LabelError, seed: int) -> Iterator[Simulated]:
    """The labels as they are, then of each rate of further errors the simulations, by person."""
    yield Simulated(0.0, 0, _none(target))
    persons, person = np.unique(target.entries["person"].to_numpy(str), return_inverse=True)
    for rate in plan.rates:
        for simulation in range(plan.simulations):
            rng = generator(seed, "further_label_errors", rate=rate, simulation=simulation)
            yield Simulated(rate, simulation, (rng.random(len(persons)) < rate)[person])


def _none(cached: Cached) -> NDArray[np.bool_]:
    return np.zeros(len(cached.entries), bool)


def _doubled(cached: Cached) -> Cached:
    """The entries twice, the second time with the other sides."""
    other = cached.entries.assign(inside=~cached.entries["inside"])
    entries = pd.concat([cached.entries, other], ignore_index=True)
    pooled = np.concatenate([cached.pooled, cached.pooled])
    return Cached(entries, pooled, pooled)


def _answers(
    heads: Head,
    cached: Cached,
    trained_on: str,
    dataset: str,
    simulated: Simulated,
    few: slice = slice(None),
) -> pd.DataFrame:
    """What the heads `few` answer on the agreed test faces; columns of MISLABELLED."""
    rows = cached.of_parts(["test"])
    rows = rows[cached.entries["agreed"].to_numpy()[rows]]
    known = cached.entries.loc[rows, ["face_id", "inside"]]
    known["inside"] ^= simulated.wrong[rows]
    tables: list[pd.DataFrame] = [
        known.assign(
            rate=simulated.rate,
            simulation=simulated.simulation,
            trained_on=trained_on,
            dataset=dataset,
            repeat=repeat,
            probability=expit(own.astype(float)),
        )
        for repeat, own in enumerate(head_logits(heads, cached, rows)[few])
    ]
    return pd.concat(tables)
