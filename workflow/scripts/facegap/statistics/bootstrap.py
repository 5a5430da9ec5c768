"""The percentile bootstrap (Efron and Tibshirani 1993), of whole clusters where there are some."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facegap.statistics.interval import Interval

DRAWS = 2000


def resample(count: int, rng: np.random.Generator, draws: int = DRAWS) -> NDArray[np.int64]:
    """Indices (draws, count) of `draws` samples of `count` members, with replacement."""
    return rng.integers(0, count, (draws, count))


def cluster_counts(
    clusters: ArrayLike, rng: np.random.Generator, draws: int = DRAWS
) -> NDArray[np.float64]:
    """How often each member is in a sample of whole `clusters` (n,): float64 (draws, n).

    Where a statistic takes weights, these give it of all samples at once. The samples are those of
    `resample`, of the clusters in sorted order.
    """
    names, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    counts = np.empty((draws, len(names)))
    for taken in counts:  # a sample at a time: their indices need not be in memory together
        taken[:] = np.bincount(resample(len(names), rng, 1)[0], minlength=len(names))
    alone = len(names) == len(cluster) and bool((cluster == np.arange(len(names))).all())
    return counts if alone else counts[:, cluster]  # whose copy is as large again


def percentile(estimate: float, resampled: ArrayLike, confidence: float) -> Interval:
    """The interval of `estimate` from its values in the samples (draws,).

    Samples that give none (NaN) do not count. The ends are NaN where no sample or `estimate`
    itself gives a value.
    """
    known = np.asarray(resampled, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known) or not np.isfinite(estimate):
        return Interval(float(estimate), float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(estimate), float(low), float(high))
