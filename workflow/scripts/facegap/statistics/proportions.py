"""Proportions: Wilson's interval, for independent and for clustered trials, and an exact test."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from facegap.statistics.interval import Interval

NO_TRIALS = Interval(float("nan"), 0.0, 1.0)


def wilson(successes: int, trials: int, confidence: float) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); (nan, 0, 1) of no trials."""
    return _wilson(successes / trials, trials, confidence) if trials else NO_TRIALS


def cluster_wilson(hits: ArrayLike, clusters: ArrayLike, confidence: float) -> Interval:
    """Wilson's interval of the share of `hits` (n,) bool, for hits that are alike in `clusters`.

    The number of trials is Kish's effective number of `clusters` (n,) (Kish 1965), as if all
    members of a cluster answered alike: never too narrow, and of use where no or every member is a
    hit, of which a bootstrap can say nothing. (nan, 0, 1) of no members.
    """
    hit = np.asarray(hits, dtype=float)
    if not len(hit):
        return NO_TRIALS
    sizes = np.unique(np.asarray(clusters), return_counts=True)[1].astype(float)
    trials, share = float(sizes.sum() ** 2 / (sizes**2).sum()), float(hit.mean())
    return _wilson(share, trials, confidence)


def correlated_wilson(
    hits: ArrayLike, clusters: ArrayLike, confidence: float, population: float = np.inf
) -> Interval:
    """Wilson's interval of the share of `hits` (n,) bool, the clusters' correlation estimated.

    The effective number of trials is n / (1 + (m - 1) r) (Kish 1965), m the mean size of a hit's
    cluster and r the correlation within `clusters` (n,) by analysis of variance, cut to 0 and 1; r
    is 1 where nothing varies. With `population` the interval is of the share in as many further
    independent trials, and so includes their own chance. (nan, 0, 1) of no members.
    """
    hit = np.asarray(hits, dtype=float)
    if not len(hit):
        return NO_TRIALS
    _, cluster, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    share, n = float(hit.mean()), len(hit)
    within = 1 + (float((sizes**2).sum()) / n - 1) * correlation(hit, cluster, sizes)
    trials = 1 / (within / n + 1 / population)
    return _wilson(share, trials, confidence)


def correlation(
    values: NDArray[np.float64], cluster: NDArray[np.intp], sizes: NDArray[np.intp]
) -> float:
    """Correlation within clusters by one-way analysis of variance, in [0, 1] (Donner 1986).

    `cluster` (n,) numbers the cluster of each of `values` (n,) from 0, `sizes` has their sizes.
    """
    n, groups, mean = len(values), len(sizes), values.mean()
    means = np.bincount(cluster, values) / sizes
    between = float((sizes * (means - mean) ** 2).sum())
    within = float(((values - means[cluster]) ** 2).sum())
    if groups == n or groups == 1 or between + within == 0:
        return 1.0
    between, within = between / (groups - 1), within / (n - groups)
    size = (n - float((sizes**2).sum()) / n) / (groups - 1)
    return float(np.clip((between - within) / (between + (size - 1) * within), 0, 1))


def weighted_sum(parts: Sequence[Interval], weights: Sequence[float]) -> Interval:
    """Of independent estimates times `weights`, limits by square-and-add (Zou and Donner 2008)."""
    share = np.asarray(weights, dtype=float)
    estimate, low, high = np.array(parts, dtype=float).T
    down, up = (np.sqrt((share**2 * (end - estimate) ** 2).sum()) for end in (low, high))
    value = float(share @ estimate)
    return Interval(value, value - float(down), value + float(up))


def in_trials(interval: Interval, trials: float, confidence: float) -> Interval:
    """Of a probability's `interval`, that of the share in as many independent trials.

    Their own chance (normal) is added to the limits by square-and-add (Zou and Donner 2008).
    """
    z, share = float(special.ndtri((1 + confidence) / 2)), interval.estimate
    chance = z**2 * share * (1 - share) / trials if trials else 0.0
    down = ((share - interval.low) ** 2 + chance) ** 0.5
    up = ((interval.high - share) ** 2 + chance) ** 0.5
    return Interval(share, max(share - down, 0.0), min(share + up, 1.0))


def exceeds_p(successes: ArrayLike, trials: ArrayLike, share: float) -> NDArray[np.float64]:
    """The exact binomial test against a probability of at most `share`, one-sided: p values (n,).

    Small where `successes` (n,) of `trials` (n,) are more than such a probability would give
    (Clopper and Pearson 1934: where their lower limit is above it).
    """
    failures = np.subtract(trials, successes)
    return np.asarray(special.bdtr(failures, np.asarray(trials), 1 - share), dtype=np.float64)


def _wilson(share: float, trials: float, confidence: float) -> Interval:
    # not statsmodels': it takes 0.7 s to load, in jobs of one or two; a test compares the two
    z = float(special.ndtri((1 + confidence) / 2))
    shrunk = 1 + z**2 / trials
    middle = (share + z**2 / (2 * trials)) / shrunk
    reach = z * (share * (1 - share) / trials + (z / (2 * trials)) ** 2) ** 0.5 / shrunk
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    return Interval(share, min(low, share), max(high, share))  # rounding at 0 and 1
