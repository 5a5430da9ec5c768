"""The learning curve of the target: heads of the boundary on few of its labelled faces, and more.

What they reach stands beside what the model that was trained on the source reaches there: so many
labelled faces of the target do what all of the source's do.
"""

import logging
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from facegap.classify.features import Cached, read_features
from facegap.classify.heads import new_head
from facegap.classify.plans import Candidates
from facegap.classify.training import Randomness, Schedule, head_logits, train_heads
from facegap.configurations import configuration
from facegap.errors import TrainingError
from facegap.files import read_json
from facegap.network import settle
from facegap.seeds import generator, number
from facegap.settings.classify import Training
from facegap.settings.crossed import LearningCurve
from facegap.tables.base import write_table
from facegap.tables.classify import LEARNING_CURVE

log = logging.getLogger(__name__)
Rows = NDArray[np.int64]
OPTIMISER = "adam"  # whichever is selected: of SGD's steps on few faces a loss may have no end


def train_learning_curve(
    *,
    selected: Path,
    features: list[Path],
    predictions: Path,
    candidates: Candidates,
    settings: Training,
    plan: LearningCurve,
    threads: int,
    seed: int,
) -> None:
    """Write what heads that trained on some of the target's faces answer there (LEARNING_CURVE).

    `selected` names the backbone and the preprocessing, `features` are the folders of the
    candidates. All heads take as many steps as one on all faces does, so fewer faces are seen more
    often, and standardise as that one. Raises `TrainingError` where `plan` wants more
    faces than there are, or so few that a side has none, and where a loss is not finite.
    """
    chosen = configuration(read_json(selected)["name"])
    device = settle(threads)
    folder = dict(zip(candidates.backbones, features, strict=True))[chosen.backbone]
    target = read_features(folder / chosen.preprocessing / "target")
    rows = target.rows("train")
    if max(plan.faces) > len(rows):
        raise TrainingError(
            f"classify.learning_curve.faces: {max(plan.faces)}, but the target has {len(rows)}"
            " labelled training faces with a crop"
        )
    whole = Schedule.of(settings.head_training, OPTIMISER, settings)
    steps = whole.epochs * ceil(len(rows) / whole.batch)
    tests = target.of_parts(["test"])
    known = target.entries.loc[tests[target.entries["agreed"].to_numpy()[tests]]]
    # of all training faces: it takes no labels, and of a few faces some features hardly vary
    pooled = torch.from_numpy(target.pooled[rows.ravel()]).to(device)
    about = (settings.head, settings.standardise)
    parts = []
    for faces in plan.faces:
        batch = min(whole.batch, faces)
        schedule = replace(whole, batch=batch, epochs=ceil(steps / ceil(faces / batch)))
        taken = [_sampled(target, rows, faces, k, seed) for k in range(plan.trainings)]
        chances = [_chance(faces, k, seed) for k in range(plan.trainings)]
        heads = new_head(pooled, [each.masks for each in chances], *about)
        names = [f"{faces} faces of the target"] * plan.trainings
        train_heads(heads, target, chances, [schedule], names, rows=np.stack(taken))
        logits = head_logits(heads, target, known.index.to_numpy(np.int64))
        parts += [
            known[["face_id", "inside"]].assign(
                training_faces=faces, repeat=repeat, probability=expit(own.astype(float))
            )
            for repeat, own in enumerate(logits)
        ]
    log.info("%d heads", len(parts))
    table = pd.concat(parts, ignore_index=True)
    write_table(table[list(LEARNING_CURVE.columns)], predictions, LEARNING_CURVE)


def _sampled(target: Cached, rows: Rows, faces: int, repeat: int, seed: int) -> Rows:
    """The rows (faces, copies) of one training, in the sides' shares of all.

    The first of a random order of each side, so that fewer faces are some of the more.
    """
    inside = target.inside(rows[:, 0]) == 1
    count = round(faces * float(inside.mean()))
    if not 0 < count < faces:
        raise TrainingError(
            f"classify.learning_curve.faces: of {faces} faces, in the sides' shares, one side has"
            " none; leave them out"
        )
    rng = generator(seed, "learning_curve_faces", repeat=repeat)
    orders = [rng.permutation(rows[which]) for which in (inside, ~inside)]
    return np.concatenate([orders[0][:count], orders[1][: faces - count]])


def _chance(faces: int, repeat: int, seed: int) -> Randomness:
    names = {"faces": faces, "repeat": repeat}
    return Randomness(
        generator(seed, "learning_curve_order", **names),
        torch.Generator().manual_seed(number(seed, "learning_curve_masks", **names)),
    )
