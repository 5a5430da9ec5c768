"""Intervals for the numbers of the study, at `confidence` (0.95 unless the config says else)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special


class Interval(NamedTuple):
    """An estimate and the ends of its interval; NaN ends where the data cannot give one."""

    estimate: float
    low: float
    high: float


def of_share(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); (nan, 0, 1) of no trials."""
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    return _wilson(successes / trials, trials, confidence)


def _wilson(share: float, trials: float, confidence: float) -> Interval:
    # not statsmodels': it takes 0.7 s to load, in jobs of one or two; a test compares the two
    z = float(special.ndtri((1 + confidence) / 2))
    shrunk = 1 + z**2 / trials
    middle = (share + z**2 / (2 * trials)) / shrunk
    reach = z * (share * (1 - share) / trials + (z / (2 * trials)) ** 2) ** 0.5 / shrunk
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    return Interval(share, min(low, share), max(high, share))  # rounding at 0 and 1


def of_clustered_share(hits: ArrayLike, clusters: ArrayLike, confidence: float = 0.95) -> Interval:
    """Wilson's interval of the share of `hits` (n,) bool, where `clusters` (n,) share their fate.

    The number of trials is Kish's effective number of clusters, as if all members of a cluster
    answered alike: never too narrow, and of use where no or every member is a hit, of which a
    bootstrap can say nothing. (nan, 0, 1) of no members.
    """
    hit = np.asarray(hits, dtype=float)
    if not len(hit):
        return Interval(float("nan"), 0.0, 1.0)
    sizes = np.unique(np.asarray(clusters), return_counts=True)[1].astype(float)
    trials, share = float(sizes.sum() ** 2 / (sizes**2).sum()), float(hit.mean())
    return _wilson(share, trials, confidence)


def of_correlated_share(
    hits: ArrayLike, clusters: ArrayLike, confidence: float = 0.95, population: float = np.inf
) -> Interval:
    """Wilson's interval of the share of `hits` (n,) bool, with the clusters' correlation estimated.

    The effective number of trials is n / (1 + (m - 1) r) (Kish 1965), m the mean size of a hit's
    cluster and r the correlation within clusters by analysis of variance, cut to 0 and 1; r is 1
    where nothing varies. With `population` the interval is of the share in as many further
    independent trials, whose own chance it then holds too. (nan, 0, 1) of no members.
    """
    hit = np.asarray(hits, dtype=float)
    if not len(hit):
        return Interval(float("nan"), 0.0, 1.0)
    _, cluster, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    share, n = float(hit.mean()), len(hit)
    within = 1 + (float((sizes**2).sum()) / n - 1) * _correlation(hit, cluster, sizes)
    trials = 1 / (within / n + 1 / population)
    return _wilson(share, trials, confidence)


def _correlation(
    hit: NDArray[np.float64], cluster: NDArray[np.intp], sizes: NDArray[np.intp]
) -> float:
    """Correlation within clusters by one-way analysis of variance, in [0, 1]."""
    n, groups, mean = len(hit), len(sizes), hit.mean()
    means = np.bincount(cluster, hit) / sizes
    between = float((sizes * (means - mean) ** 2).sum())
    within = float(((hit - means[cluster]) ** 2).sum())
    if groups == n or groups == 1 or between + within == 0:
        return 1.0
    between, within = between / (groups - 1), within / (n - groups)
    size = (n - float((sizes**2).sum()) / n) / (groups - 1)
    return float(np.clip((between - within) / (between + (size - 1) * within), 0, 1))


def of_mean(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean of independent repeats (shape (n,)); NaN ends when n < 2."""
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2:
        return Interval(float(sample.mean()) if len(sample) else float("nan"), *[float("nan")] * 2)
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / len(sample) ** 0.5
    reach = float(special.stdtrit(len(sample) - 1, (1 + confidence) / 2)) * error
    return Interval(mean, mean - reach, mean + reach)


def of_clusters(
    values: ArrayLike,
    clusters: ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Percentile bootstrap of the mean of `values` (n,), whole `clusters` (n,) drawn at once.

    For answers and predictions that share a person: faces of one person are not independent.
    """
    means = _resampled(values, clusters, rng, draws)
    return _percentiles(float(np.asarray(values, float).mean()), means, confidence)


def of_cluster_difference(
    one: tuple[ArrayLike, ArrayLike],
    two: tuple[ArrayLike, ArrayLike],
    rng: np.random.Generator,
    confidence: float = 0.95,
    draws: int = 2000,
) -> Interval:
    """Percentile bootstrap of the mean of `one` minus that of `two`: two independent samples.

    Each is a pair of values and their clusters, as in `of_clusters`.
    """
    means = _resampled(*one, rng, draws) - _resampled(*two, rng, draws)
    estimate = np.asarray(one[0], float).mean() - np.asarray(two[0], float).mean()
    return _percentiles(float(estimate), means, confidence)


def _resampled(
    values: ArrayLike, clusters: ArrayLike, rng: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    """Means of `draws` samples of whole clusters."""
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    sums, sizes = np.bincount(cluster, np.asarray(values, dtype=float)), np.bincount(cluster)
    picks = rng.integers(0, len(sums), (draws, len(sums)))
    means: NDArray[np.float64] = sums[picks].sum(1) / sizes[picks].sum(1)
    return means


def _percentiles(estimate: float, means: NDArray[np.float64], confidence: float) -> Interval:
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high))


def plain(interval: Interval) -> dict[str, float | None]:
    """`interval` for JSON: estimate, low, high; what is not a number is None."""
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in interval._asdict().items()
    }
