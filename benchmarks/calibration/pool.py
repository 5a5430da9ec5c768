"""A large population of drawn persons, as features of one backbone at several capture distances."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from numpy.typing import NDArray

from facegap.acquire.collection import draw_pictures
from facegap.acquire.persons import GROUPS, Picture, pictures_of
from facegap.acquire.splits import Sampling
from facegap.align.geometry import cut
from facegap.classify.backbones import network
from facegap.network import settle
from facegap.settings.acquire import Split
from facegap.settings.align import EarsChin
from facegap.settings.load import load

STUDY = load(yaml.safe_load((Path(__file__).parents[2] / "config/config.yaml").read_text()))
BACKBONE, PIXELS, LAYERS = "vgg16", 32, 5  # random weights, as in the default study
CROP = EarsChin(size=64)
PART = 250  # pictures at once: 30 MB


@dataclass(frozen=True)
class Population:
    """Pictures of drawn persons: n, of which the first `tests` show a person each, once.

    `inside` and `person` (n,) are known of them, and the `labels` (n,) of the study's tasks;
    `features` has (n, width) by capture distance.
    """

    inside: NDArray[np.bool_]
    person: NDArray[np.int64]
    labels: dict[str, NDArray[np.bool_]]
    features: dict[float, NDArray[np.float32]]
    tests: int

    def save(self, folder: Path) -> "Stored":
        """Write it to `folder`, for processes to map."""
        np.savez(folder / "about.npz", inside=self.inside, person=self.person)
        np.savez(folder / "labels.npz", **self.labels)
        for distance, features in self.features.items():
            np.save(folder / f"{distance}.npy", features)
        return Stored(folder, tuple(self.features), self.tests)


@dataclass(frozen=True)
class Stored:
    """A population on the disk."""

    folder: Path
    distances: tuple[float, ...]
    tests: int

    def load(self) -> Population:
        """The population, its features mapped."""
        about, labels = (np.load(self.folder / f"{name}.npz") for name in ("about", "labels"))
        features = {d: np.load(self.folder / f"{d}.npy", mmap_mode="r") for d in self.distances}
        return Population(about["inside"], about["person"], dict(labels), features, self.tests)


def population(
    executor: Executor, *, tests: int, trains: int, distances: Sequence[float], seed: int
) -> Population:
    """`tests` persons with one picture, and `trains` pictures of others, who have several."""
    pictures = _pictures(tests, trains, seed)
    parts = [pictures[k : k + PART] for k in range(0, len(pictures), PART)]
    features = {
        distance: np.concatenate(list(executor.map(partial(_features, distance, seed), parts)))
        for distance in distances
    }
    names = np.array([picture.subject_id for picture in pictures])
    inside = np.array([picture.truth["group"] == GROUPS[0] for picture in pictures])
    person = np.unique(names, return_inverse=True)[1]
    return Population(inside, person, _labels(pictures), features, tests)


def _labels(pictures: Sequence[Picture]) -> dict[str, NDArray[np.bool_]]:
    """Those of the study's tasks that a person has on all pictures."""
    truths = pd.DataFrame([picture.truth for picture in pictures])
    truths = truths.assign(gender=truths["gender"] == "male")
    return {task: truths[task].to_numpy(bool) for task in STUDY.classify.tasks.labels}


def _pictures(tests: int, trains: int, seed: int) -> list[Picture]:
    split = Split(train=trains, test=tests, test_pictures=1)
    sampling = Sampling(tests + trains, split)
    drawn = STUDY.acquire.drawn
    return pictures_of(dataset="target", sampling=sampling, drawn=drawn, seed=seed)


@torch.no_grad()
def _features(distance: float, seed: int, pictures: Sequence[Picture]) -> NDArray[np.float32]:
    """Pooled features (n, width) of the pictures' crops from ear to ear."""
    device = settle(1)
    net = network(BACKBONE, size=PIXELS, layers=LAYERS, weights=None, seed=seed, device=device)
    found = [net.pooled(net.boundary(crops, device)) for crops in _crops(distance, seed, pictures)]
    features: NDArray[np.float32] = torch.cat(found).numpy()
    return features


def _crops(distance: float, seed: int, pictures: Sequence[Picture]) -> Iterator[NDArray[np.uint8]]:
    drawn = draw_pictures(pictures, distance=distance, seed=seed)
    cuts = [
        cut(image, points, "ears-chin", CROP)
        for image, points in zip(drawn.images, drawn.landmarks, strict=True)
    ]
    for start in range(0, len(cuts), 32):
        yield np.stack(cuts[start : start + 32])
