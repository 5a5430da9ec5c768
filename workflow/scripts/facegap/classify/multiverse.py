"""Heads under other readings of the paper: what a study would have found if it had read it so.

Readings that cost no new features: backbone and preprocessing among those cached, the head's
optimiser and whose numbers it has, its activations, whether features are standardised, and whether
both models train on equally many faces. Heads that differ in optimiser alone train side by side.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit

from facegap.classify.arms import arm_of
from facegap.classify.features import Cached, read_features
from facegap.classify.heads import new_head
from facegap.classify.plans import MultiversePlan, Reading
from facegap.classify.training import (
    DivergedError,
    Randomness,
    Schedule,
    head_logits,
    train_heads,
)
from facegap.network import settle
from facegap.progress import paced
from facegap.seeds import generator, number
from facegap.settings.classify import Training
from facegap.tables.base import write_table
from facegap.tables.classify import READINGS

log = logging.getLogger(__name__)
OPTIMISERS = ("adam", "sgd", "rmsprop")
LIBRARIES = ("torch", "keras")
ACTIVATIONS = ("relu", "relu-then-sigmoid")
TERMS = ("whole", "equal")  # training parts as they are, or cut to as many faces of either
MOMENTUM = {"torch": 0.9, "keras": 0.0}  # of SGD: a usual one, and Keras' own


def train_multiverse(
    *,
    features: list[Path],
    readings: Path,
    plan: MultiversePlan,
    settings: Training,
    threads: int,
    seed: int,
) -> None:
    """Write what the heads of each reading answer on the test parts (READINGS).

    `features` are the folders of the plan's backbones in turn. A reading whose loss is not finite
    has no answers, and is named in the log.
    """
    device = settle(threads)
    folders = dict(zip(dict.fromkeys(name for name, *_ in plan.cached), features, strict=True))
    chosen = sampled(plan, seed)
    groups: dict[tuple[Reading, str], list[Reading]] = {}
    for reading in chosen:
        alike = replace(reading, optimiser="", library="")
        for trained_on in plan.trained_on:
            groups.setdefault((alike, trained_on), []).append(reading)
    parts: list[pd.DataFrame] = []
    sets: dict[tuple[str, str], dict[str, Cached]] = {}
    for (alike, trained_on), own in paced(list(groups.items()), "groups of readings", log):
        place = (alike.backbone, alike.preprocessing)
        if place not in sets:
            folder = folders[alike.backbone] / alike.preprocessing
            sets = {place: {name: read_features(folder / name) for name in plan.datasets}}
        tested = sets[place]
        trains = arm_of(tested, trained_on, "equal", seed) if alike.terms == "equal" else tested
        for reading, logits in _trained(
            own, trains[trained_on], tested, plan, settings, trained_on, seed, device
        ):
            parts += _answers(reading, trained_on, tested, logits)
    log.info("%d readings of %d", len(chosen), len(list(_every(plan))))
    table = pd.concat(parts, ignore_index=True)
    write_table(table[list(READINGS.columns)], readings, READINGS)


def sampled(plan: MultiversePlan, seed: int) -> list[Reading]:
    """The readings to train: all, or a random sample of `plan.most`, in their order."""
    every = list(_every(plan))
    taken = generator(seed, "multiverse").permutation(len(every))[: plan.most]
    return [every[k] for k in np.sort(taken)]


def _every(plan: MultiversePlan) -> Iterator[Reading]:
    heads = product(ACTIVATIONS, (True, False), TERMS, OPTIMISERS, LIBRARIES)
    for (backbone, preprocessing, pretrained), head in product(plan.cached, list(heads)):
        reading = Reading(backbone, preprocessing, *head)
        if pretrained or reading.standardise:  # an untrained network's features need it
            yield reading


def _trained(
    readings: Sequence[Reading],
    trains: Cached,
    tested: Mapping[str, Cached],
    plan: MultiversePlan,
    settings: Training,
    trained_on: str,
    seed: int,
    device: torch.device,
) -> Iterator[tuple[Reading, dict[str, NDArray[np.float32]]]]:
    """Each of `readings`, alike but for their optimiser, with its heads' logits by data set.

    Where one diverges, the others are trained again without it.
    """
    left = list(readings)
    first = left[0]
    head = settings.head.model_copy(update={"activations": first.activations})
    pooled = torch.from_numpy(trains.pooled[trains.rows("train").ravel()]).to(device)
    while left:
        schedules = [
            replace(
                Schedule.of(settings.head_training, reading.optimiser, settings),
                library=reading.library,
                momentum=MOMENTUM[reading.library],
            )
            for reading in left
        ]
        chances = [_chance(trained_on, k, seed) for _ in left for k in range(plan.trainings)]
        heads = new_head(pooled, [each.masks for each in chances], head, first.standardise)
        names = [f"{reading}, {trained_on}" for reading in left for _ in range(plan.trainings)]
        try:
            train_heads(heads, trains, chances, schedules, names)
        except DivergedError as error:
            log.warning("no answers: %s", error)
            del left[error.which // plan.trainings]
            continue
        for k, reading in enumerate(left):
            own = slice(k * plan.trainings, (k + 1) * plan.trainings)
            yield (
                reading,
                {
                    name: head_logits(heads, cached, cached.of_parts(["test"]))[own]
                    for name, cached in tested.items()
                },
            )
        return


def _chance(trained_on: str, repeat: int, seed: int) -> Randomness:
    """The same for all readings, so that they differ in nothing else."""
    names: dict[str, str | int] = {"dataset": trained_on, "repeat": repeat}
    return Randomness(
        generator(seed, "multiverse_order", **names),
        torch.Generator().manual_seed(number(seed, "multiverse_masks", **names)),
    )


def _answers(
    reading: Reading,
    trained_on: str,
    tested: Mapping[str, Cached],
    logits: Mapping[str, NDArray[np.float32]],
) -> Iterator[pd.DataFrame]:
    for name, cached in tested.items():
        known = cached.entries.loc[cached.of_parts(["test"]), ["face_id", "inside", "agreed"]]
        for repeat, own in enumerate(logits[name]):
            yield known.assign(
                **asdict(reading),
                trained_on=trained_on,
                repeat=repeat,
                dataset=name,
                probability=expit(own.astype(float)),
            )
