"""How far the networks that measure can be trusted: on real faces of persons they never saw.

Of the attribute classifier the sensitivity and specificity on either side, and attribute transfer
corrected by them; of identity the cosines between pictures of one person and of different persons.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegap.measure.gaps import Scores
from facegap.statistics.bootstrap import cluster_counts, percentile
from facegap.statistics.interval import row
from facegap.statistics.proportions import correlated_wilson

Row = dict[str, Any]
Values = NDArray[np.float64]
FEW = 10  # real faces with an attribute, or without: below that all attributes together
LEAST = 0.1  # sensitivity + specificity - 1, of a classifier that a correction can build on


@dataclass(frozen=True)
class Recognised:
    """Real faces of one side, of nobody the networks learnt from.

    `persons` (n,) are their ids, `labels` and `seen` (n, a) bool what they show and what the
    classifier sees, `identity` (n, d) of length 1.
    """

    persons: NDArray[Any]
    labels: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    identity: Values


@dataclass(frozen=True)
class Translated:
    """Translations of one domain: of n images the person's id, the attribute (its number), whether
    it was to be set, and whether the classifier sees what was wanted: `shown` (seeds, n).
    """

    persons: NDArray[Any]
    attribute: NDArray[np.int64]
    set_to: NDArray[np.bool_]
    shown: Values


def recognition_rows(
    real: Recognised, attributes: Sequence[str], side: str, confidence: float
) -> Iterator[Row]:
    """Sensitivity and specificity, of all attributes and of each that has enough faces."""
    for metric, having in (("sensitivity", real.labels), ("specificity", ~real.labels)):
        right = real.seen == real.labels
        for k, name in [(None, None), *enumerate(attributes)]:
            which = np.argwhere(having if k is None else having & (np.arange(len(attributes)) == k))
            if k is not None and len(which) < FEW:
                continue
            hits, persons = right[tuple(which.T)], real.persons[which[:, 0]]
            yield {
                "quantity": "attribute recognition",
                "metric": metric,
                "group": f"side: {side}",
                "attribute": name,
                **row(correlated_wilson(hits, persons, confidence)),
                "faces": len(np.unique(which[:, 0])),
                "persons": len(np.unique(persons)),
            }


def corrected(real: Recognised, made: Translated) -> tuple[Scores, Values] | None:
    """Attribute transfer corrected by the classifier's errors on real faces of the same side.

    The true share is (observed + specificity - 1) / (sensitivity + specificity - 1) (Rogan and
    Gladen 1978), of each attribute, set and unset; sensitivity and specificity of an attribute are
    those of all together where fewer than `FEW` real faces show it or lack it. The `Scores` have
    the jackknife's value of each person, left out of the real faces and of the translations at
    once: the error holds both. With them the corrected value of each image (n,), a mean over
    seeds. None where the classifier sees an attribute hardly better than chance (`LEAST`). It is
    not cut to 0 and 1.
    """
    names, person = np.unique(np.concatenate([real.persons, made.persons]), return_inverse=True)
    counts = _counts(real, person[: len(real.persons)], len(names))
    total = counts.sum(0)
    few = total[1] < FEW  # (2, a): of which there are too few faces
    rates, without = _rates(total, few), _rates(total - counts, few)
    used = np.unique(made.attribute)
    size = np.bincount(person[len(real.persons) :], minlength=len(names))
    sure = all((each.sum(-2) - 1)[..., used].min() >= LEAST for each in (rates, without))
    if not sure or (size > 0).sum() < 2:
        return None
    value = np.stack([_value(shown, made, rates) for shown in made.shown])
    left = np.empty((len(made.shown), len(names)))
    for k, name in enumerate(names):
        rest = made.persons != name
        left[:, k] = [_value(shown, made, without[k])[rest].mean() for shown in made.shown]
    gained = value.mean(1, keepdims=True) + (len(names) - 1) * (left.mean(1, keepdims=True) - left)
    found = Scores(gained, np.arange(len(names)), len(made.persons), int((size > 0).sum()))
    return found, value.mean(0)


def _counts(real: Recognised, person: NDArray[np.int64], persons: int) -> Values:
    """Of each person the faces that are seen right, and all: (persons, 2, 2, a).

    The last but one is of faces with the attribute, and without.
    """
    right = real.seen == real.labels
    having = np.stack([real.labels, ~real.labels], 1)
    each = np.stack([having & right[:, None], having], 1).astype(float)
    counts = np.zeros((persons, *each.shape[1:]))
    np.add.at(counts, person, each)
    return counts


def _rates(counts: Values, few: NDArray[np.bool_]) -> Values:
    """Sensitivity and specificity (..., 2, a) of counts (..., 2, 2, a)."""
    together = counts.sum(-1, keepdims=True)
    right = np.where(few, together[..., 0, :, :], counts[..., 0, :, :])
    every = np.where(few, together[..., 1, :, :], counts[..., 1, :, :])
    rates: Values = right / np.maximum(every, 1)
    return rates


def _value(shown: Values, made: Translated, rates: Values) -> Values:
    """The corrected value (n,) of each image, the mean of which is the corrected share."""
    sensitivity, specificity = rates[:, made.attribute]
    wrongly = 1 - np.where(made.set_to, specificity, sensitivity)
    value: Values = (shown - wrongly) / (sensitivity + specificity - 1)
    return value


def identity_rows(
    real: Recognised, side: str, rng: np.random.Generator, confidence: float
) -> Iterator[Row]:
    """Cosines of two pictures of one person, and of pictures of two different persons.

    A mean over persons, and over pairs of them, however many pictures each has; percentile
    bootstrap over persons.
    """
    names, person = np.unique(real.persons, return_inverse=True)
    pictures = np.bincount(person).astype(float)
    added = np.zeros((len(names), real.identity.shape[1]))
    np.add.at(added, person, real.identity)
    sums = added @ added.T  # of the cosines of all pictures of two persons
    several = np.flatnonzero(pictures > 1)
    same = (np.diag(sums)[several] - pictures[several]) / (pictures * (pictures - 1))[several]
    apart = sums / np.outer(pictures, pictures)
    drawn = cluster_counts(np.arange(len(names)), rng)
    about = {"quantity": "identity of real faces", "group": f"side: {side}"}
    if len(several) > 1:
        again = cluster_counts(np.arange(len(several)), rng) @ same / len(several)
        found = percentile(float(same.mean()), again, confidence)
        faces = int(pictures[several].sum())
        yield {**about, "metric": "same person", **row(found), "faces": faces} | {
            "persons": len(several)
        }
    if len(names) > 2:
        np.fill_diagonal(apart, 0)
        others = 1 - np.eye(len(names))
        again = ((drawn @ apart) * drawn).sum(1) / ((drawn @ others) * drawn).sum(1)
        found = percentile(float(apart.sum() / others.sum()), again, confidence)
        yield {**about, "metric": "different persons", **row(found), "faces": len(person)} | {
            "persons": len(names)
        }
