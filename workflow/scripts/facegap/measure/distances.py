"""Distances between sets of faces, from the features that a network has of each.

With Inception's weights (as torch-fidelity has them) they are the KID and the FID; with the study's
own classifier they have other names, since their values are on other scales.

A face and its own translation are alike whatever the generator does, so no person is in both sets:
the real faces of one half of a domain's persons stand against one translation of each face of the
other half. The same real faces against those other faces themselves are the floor: what two sets of
real faces of these sizes are apart. Both are means over the same splits into halves.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from facegap.tensors import load, reading

CHUNK = 64  # images at a time
SPLITS = 8  # into halves, over which a distance is the mean
GROUPS = 10  # of persons at most, left out one after another for a distance's error
FEWEST = 4  # faces of a set
Features = NDArray[np.float64]  # (n, d)
Rows = NDArray[np.int64]  # of the table of translations
Distance = Callable[[Features, Features], float]


@dataclass(frozen=True)
class Halves:
    """One split of a domain's persons: rows of `real` faces of one half, of the other half the
    translations (`made`), one a face, and these faces themselves (`other`).
    """

    real: Rows
    made: Rows
    other: Rows


def inception_features(images: NDArray[np.uint8], weights: Path, device: torch.device) -> Features:
    """Inception's 2048 pooled features of images uint8 (n, s, s, 3), float64 (n, 2048).

    `weights` is torch-fidelity's conversion of the FID's original network.
    """
    # loads torchvision, which a study without these weights does not need
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    what = "Inception's weights"
    with reading(weights, what):
        with weights.open("rb") as file:  # torch-fidelity unpickles any file: first see that it
            load(file, weights, what)  # holds weights alone
        network = FeatureExtractorInceptionV3("inception", ["2048"], str(weights)).to(device)
    features = []
    with torch.no_grad():
        for start in range(0, len(images), CHUNK):
            part = torch.from_numpy(np.array(images[start : start + CHUNK])).permute(0, 3, 1, 2)
            features.append(network(part.to(device))[0].cpu().double().numpy())
    return np.concatenate(features)


def frechet_distance(one: Features, other: Features) -> float:
    """Between normal distributions of the two sets' (n, d) means and covariances.

    Dowson and Landau 1982, as in the FID (Heusel et al. 2017). The trace of the root of a product
    of covariances is the nuclear norm of the product of the centred features. It is biased: of few
    faces it is too large (Binkowski et al. 2018).
    """
    apart = one.mean(0) - other.mean(0)
    first = (one - one.mean(0)) / (len(one) - 1) ** 0.5
    second = (other - other.mean(0)) / (len(other) - 1) ** 0.5
    if len(one) < one.shape[1]:
        common = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    else:
        product = (first.T @ first) @ (second.T @ second)
        common = np.sqrt(np.linalg.eigvals(product).real.clip(min=0)).sum()
    value = apart @ apart + (first**2).sum() + (second**2).sum() - 2 * common
    return max(float(value), 0.0)


def kernel_distance(one: Features, other: Features) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x y / d + 1)^3.

    The KID (Binkowski et al. 2018) over whole sets; it may be a little below zero.
    """

    def kernel(x: Features, y: Features) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (x @ y.T / x.shape[1] + 1) ** 3
        return values

    def within(x: Features) -> float:
        values = kernel(x, x)
        return float(values.sum() - np.trace(values)) / (len(x) * (len(x) - 1))

    return within(one) + within(other) - 2 * float(kernel(one, other).mean())


def splits(
    table: pd.DataFrame, parts: Mapping[str, Rows], rng: np.random.Generator, count: int
) -> list[dict[str, Halves]]:
    """`count` splits of each part's persons into halves, sets of the same sizes in all parts.

    `parts` has each part's rows of `table` (TRANSLATIONS, with `original`): real faces and
    translations, from which one a face is sampled. Empty where a set has fewer than `FEWEST` faces.
    """
    original, person = table["original"].to_numpy(), pd.factorize(table["subject_id"])[0]
    translated = (table["kind"] == "translation").to_numpy()
    real = (table["kind"] == "original").to_numpy()
    found = []
    for _ in range(count):
        halves: dict[str, tuple[Rows, Rows]] = {}
        for name, rows in parts.items():
            shuffled = rng.permutation(rows)
            persons = rng.permutation(np.unique(person[rows]))
            first = np.isin(person[shuffled], persons[: (len(persons) + 1) // 2])
            made = shuffled[~first & translated[shuffled]]
            _, one_a_face = np.unique(original[made], return_index=True)
            halves[name] = shuffled[first & real[shuffled]], made[np.sort(one_a_face)]
        sizes = [min(len(half[k]) for half in halves.values()) for k in (0, 1)]
        if min(sizes) < FEWEST:
            return []
        found.append(
            {
                name: Halves(ones[: sizes[0]], made[: sizes[1]], original[made[: sizes[1]]])
                for name, (ones, made) in halves.items()
            }
        )
    return found


def mean_distance(distance: Distance, features: Features, halves: Iterable[Halves]) -> float:
    """Of real faces and translations, over the splits."""
    return float(np.mean([distance(features[h.real], features[h.made]) for h in halves]))


def floors(distance: Distance, features: Features, halves: Iterable[Halves]) -> Features:
    """Of real faces and other real faces, of each split."""
    return np.array([distance(features[h.real], features[h.other]) for h in halves])


def by_group(
    distance: Distance, features: Features, halves: list[Halves], group: NDArray[np.int64]
) -> Features:
    """Values (groups,) the mean of which is the `mean_distance`, their error its error.

    `group` (n,) is of each row's person. A value is what the distance gains by a group of persons:
    the jackknife's, persons left out a group at a time (Quenouille 1956; Kott 2001).
    """
    value = mean_distance(distance, features, halves)
    count = int(group[np.concatenate([h.real for h in halves])].max()) + 1
    without = np.array(
        [
            mean_distance(
                distance,
                features,
                [
                    Halves(*(rows[group[rows] != k] for rows in (h.real, h.made, h.other)))
                    for h in halves
                ],
            )
            for k in range(count)
        ]
    )
    gained: Features = value + (count - 1) * (without.mean() - without)
    return gained


def groups_of(persons: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """The group (n,) of each of `persons` (n,), of `GROUPS` at most, equally many in each."""
    names, which = np.unique(persons, return_inverse=True)
    return rng.permutation(np.arange(len(names)) % GROUPS)[which]
