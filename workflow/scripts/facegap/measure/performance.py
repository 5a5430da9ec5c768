"""Metrics of a classifier of the boundary, each with a bootstrap over persons.

A metric is a function of the sides (n,) bool, the probabilities of inside (n,), and of how often
each face is in each sample (samples, n); it gives a value a sample.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from facegap.statistics.bootstrap import percentile
from facegap.statistics.interval import Interval

Sides = NDArray[np.bool_]
Values = NDArray[np.float64]


def with_interval(
    metric: Callable[[Sides, Values, Values], Values],
    inside: Sides,
    probability: Values,
    counts: Values,
    confidence: float,
) -> Interval:
    """The metric on all faces, and its interval from the samples `counts` (samples, n)."""
    estimate = float(metric(inside, probability, np.ones((1, len(inside))))[0])
    return percentile(estimate, metric(inside, probability, counts), confidence)


def _accuracy(inside: Sides, probability: Values, counts: Values) -> Values:
    right = ((probability >= 0.5) == inside).astype(float)
    share: Values = counts @ right / counts.sum(1)
    return share


def _balanced_accuracy(inside: Sides, probability: Values, counts: Values) -> Values:
    right = (probability >= 0.5) == inside
    with np.errstate(invalid="ignore"):
        of_sides = [counts @ (right & side) / (counts @ side) for side in (inside, ~inside)]
    mean: Values = np.mean(of_sides, axis=0)
    return mean


def _auroc(inside: Sides, probability: Values, counts: Values) -> Values:
    """The chance that a face inside gets more than one outside; ties count one half.

    Weighted ranks (Mann and Whitney 1947), for all samples at once; scikit-learn's takes one.
    """
    values, place = np.unique(probability, return_inverse=True)
    tied = np.zeros((len(values), 2, len(counts)))
    np.add.at(tied, (place, inside.astype(int)), counts.T)
    outside, within = tied[:, 0], tied[:, 1]
    below = np.cumsum(outside, axis=0) - outside / 2
    with np.errstate(invalid="ignore"):
        share: Values = (within * below).sum(0) / (within.sum(0) * outside.sum(0))
    return share


def _brier(inside: Sides, probability: Values, counts: Values) -> Values:
    score: Values = counts @ (probability - inside) ** 2 / counts.sum(1)
    return score


METRICS: dict[str, Callable[[Sides, Values, Values], Values]] = {
    "accuracy": _accuracy,
    "balanced accuracy": _balanced_accuracy,
    "AUROC": _auroc,
    "Brier score": _brier,
}
