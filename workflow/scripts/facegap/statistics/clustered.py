"""Logistic regression whose errors know that answers share persons, in two ways at once."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit

from facegap.statistics.interval import Interval

STEPS = 25  # of Newton's method; it takes five or six where there is a maximum
CLOSE = 1e-10  # of the last step, in log odds


class Contrast(NamedTuple):
    """A sum of weighted log odds, with its standard error and degrees of freedom."""

    estimate: float
    error: float
    freedom: int

    def interval(self, confidence: float, *, share: bool = False) -> Interval:
        """Student's t interval; with `share` as a probability."""
        reach = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * self.error
        ends = np.array([self.estimate, self.estimate - reach, self.estimate + reach])
        return Interval(*map(float, expit(ends) if share else ends))

    @property
    def p(self) -> float:
        """Of its being 0, two-sided; NaN without an error."""
        if not self.error:
            return float("nan")
        return 2 * float(stats.t.sf(abs(self.estimate) / self.error, self.freedom))


@dataclass(frozen=True)
class Fit:
    """Estimated log odds (k,), with their covariances (k, k): two-way, and by either cluster."""

    estimate: NDArray[np.float64]
    covariances: tuple[NDArray[np.float64], ...]

    def contrast(self, weights: ArrayLike, freedom: int) -> Contrast:
        """The sum of the log odds times `weights` (k,), with `freedom` degrees of freedom.

        The variance is two-way (Cameron, Gelbach and Miller 2011), which can come out too small,
        even below 0, so it is never below either one-way one.
        """
        of = np.asarray(weights, dtype=float)
        error = max(float(of @ covariance @ of) for covariance in self.covariances) ** 0.5
        return Contrast(float(of @ self.estimate), error, freedom)


def logistic(y: ArrayLike, design: NDArray[np.float64], one: ArrayLike, other: ArrayLike) -> Fit:
    """Logistic regression of `y` (n,) 0 or 1 on `design` (n, k), errors clustered in two ways.

    `one` and `other` (n,) name the clusters. The estimates are those of generalised estimating
    equations with working independence (Liang and Zeger 1986), by Newton's method; they grow
    beyond all bounds where the answers are separated. Columns have to be independent. Each
    covariance has the usual factors for few clusters (Cameron and Miller 2015, equation 11).
    """
    answers = np.asarray(y, dtype=float)
    estimate = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = expit(design @ estimate)
        bread = _inverse((design * (chance * (1 - chance))[:, None]).T @ design)
        step = bread @ (design.T @ (answers - chance))
        estimate = estimate + step
        if np.abs(step).max() < CLOSE:
            break
    scores = design * (answers - expit(design @ estimate))[:, None]
    codes = [np.unique(np.asarray(names), return_inverse=True)[1] for names in (one, other)]
    both = np.unique(codes[0] * (codes[1].max() + 1) + codes[1], return_inverse=True)[1]
    ways = [bread @ _meat(scores, code) @ bread for code in (*codes, both)]
    return Fit(estimate, (ways[0] + ways[1] - ways[2], ways[0], ways[1]))


def _meat(scores: NDArray[np.float64], cluster: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum over clusters of the outer products of their scores (n, k), for few clusters."""
    count, (n, k) = int(cluster.max()) + 1, scores.shape
    sums = np.stack([np.bincount(cluster, column, count) for column in scores.T], axis=1)
    factor = count / max(count - 1, 1) * (n - 1) / max(n - k, 1)
    meat: NDArray[np.float64] = factor * sums.T @ sums
    return meat


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    # of separated answers there is no inverse in the end
    return np.asarray(np.linalg.pinv(matrix, hermitian=True), dtype=float)
