"""Tasks beside the boundary whose tail is fine-tuned as well, on the same faces as the heads.

To each of a task's heads (facegap/classify/tasks.py) belongs a copy of the network's tail; both are
trained on, by the optimiser that fine-tuned the selected configuration.
"""

import hashlib
import json
import logging
import shutil
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap.classify.arms import UNUSED
from facegap.classify.backbones import Network
from facegap.classify.features import Cached, check
from facegap.classify.heads import Head
from facegap.classify.plans import Candidates, TaskPlan
from facegap.classify.selected import candidate_network
from facegap.classify.tasks import (
    TaskSet,
    Trained,
    answers_of,
    counts_of,
    read_sets,
    sampled,
    train_all,
)
from facegap.classify.training import (
    Randomness,
    Saving,
    Schedule,
    check_training,
    fine_tune,
    fine_tuned_logits,
)
from facegap.code import digests
from facegap.configurations import configuration, fine_tuned
from facegap.files import read_json
from facegap.network import settle
from facegap.progress import paced
from facegap.resume import Resume, warned
from facegap.seeds import generator, number
from facegap.settings.classify import Features, Training
from facegap.tables.base import write_table
from facegap.tables.classify import TASK_PREDICTIONS

log = logging.getLogger(__name__)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """What the trainings of a task share."""

    task: str
    net: Network
    settings: Training
    schedule: Schedule
    seed: int

    def fine_tuned(self, head: Head, each: Trained, own: Cached, saving: Saving) -> torch.nn.Module:
        """The trained copy of the tail; `head` is trained in place. Both see `own` alone."""
        name = f"{self.task} on {each.dataset}, {each.share:.0%} outside, fine-tuned"
        check_training(own, name, self.schedule.batch)
        names = {"task": self.task, **asdict(each)}
        chance = Randomness(
            generator(self.seed, "task_tail_order", **names),
            torch.Generator().manual_seed(number(self.seed, "task_tail_masks", **names)),
        )
        tail = deepcopy(self.net.tail)
        losses = fine_tune(self.net, tail, head, own, chance, self.schedule, name, None, saving)
        log.info("%s, repeat %d: losses %s", name, each.repeat, np.round(losses[:, 0], 3).tolist())
        return tail

    def digest(self, own: Cached, each: Trained, threads: int) -> str:
        """Of whatever would train to other weights."""
        settings = self.settings.model_dump(mode="json"), asdict(self.schedule)
        code = [*digests(["classify.task_tails"])]
        about = [self.task, asdict(each), *settings, self.net.digest, self.seed, threads, code]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        digest.update(pd.util.hash_pandas_object(own.entries).to_numpy().tobytes())
        digest.update(own.pooled.tobytes())
        return digest.hexdigest()


def fine_tune_task(
    *,
    selected: Path,
    features: list[Path],
    faces: list[Path],
    weights: list[Path],
    predictions: Path,
    candidates: Candidates,
    extraction: Features,
    settings: Training,
    plan: TaskPlan,
    datasets: list[str],
    task: str,
    threads: int,
    seed: int,
) -> None:
    """Write what the fine-tuned models of a `task` answer on the test parts (TASK_PREDICTIONS).

    `weights` are the files of the pretrained candidates; the others are as of `train_task`, and so
    are the errors. A training that was cut short is taken up where it was.
    """
    chosen = configuration(read_json(selected)["name"])
    device = settle(threads)
    net = candidate_network(
        chosen.backbone,
        weights,
        candidates=candidates,
        extraction=extraction,
        seed=seed,
        device=device,
    )
    folder = dict(zip(candidates.backbones, features, strict=True))[chosen.backbone]
    check(folder, chosen.preprocessing, net, candidates.preprocessings[chosen.preprocessing])
    places = dict(zip(datasets, faces, strict=True))
    sets = read_sets(folder / chosen.preprocessing, places, task, plan)
    heads, trained, count = train_all(
        sets, task, plan, settings, chosen.head_optimiser, seed, device
    )
    counts = counts_of(sets, task, plan.shares)
    schedule = Schedule.of(settings.fine_tuning, chosen.fine_tuning_optimiser, settings)
    job = Job(task, net, settings, schedule, seed)
    beside = predictions.with_name(f"{predictions.stem}.resume")
    answers = []
    with warned() as warnings, Resume(beside / "all.resume", "").alone():
        for k, each in enumerate(paced(trained, "trainings", log)):
            own = _alone(sets[each.dataset], sampled(sets[each.dataset], task, each, counts, seed))
            state = Resume(beside / f"{k}.resume", job.digest(own, each, threads))
            head = heads.of_repeat(k)
            tail = job.fine_tuned(head, each, own, Saving(state, warnings))
            answers += [
                answers_of(
                    fine_tuned_logits(net, tail, head, other.cached, other.tested)[None],
                    *(name, other, [each]),
                )
                for name, other in sets.items()
            ]
        table = pd.concat(answers, ignore_index=True)
        table = table.assign(task=fine_tuned(task), training_faces=count)
        write_table(table[list(TASK_PREDICTIONS.columns)], predictions, TASK_PREDICTIONS)
    shutil.rmtree(beside, ignore_errors=True)


def _alone(own: TaskSet, rows: Rows) -> Cached:
    """A data set whose training part is the faces of `rows` (faces, copies) alone."""
    entries = own.cached.entries
    others = (entries["split"] == "train") & ~entries.index.isin(rows.ravel())
    return replace(own.cached, entries=entries.assign(split=entries["split"].mask(others, UNUSED)))
