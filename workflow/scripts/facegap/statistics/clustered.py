"""Logistic regression whose errors know that answers share persons, in several ways at once."""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit

from facegap.statistics.interval import Interval


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
    """Estimated log odds (k,), with their covariances (k, k): by all clusters, and by each."""

    estimate: NDArray[np.float64]
    covariances: tuple[NDArray[np.float64], ...]

    def contrast(self, weights: ArrayLike, freedom: int) -> Contrast:
        """The sum of the log odds times `weights` (k,), with `freedom` degrees of freedom.

        The variance is multi-way (Cameron, Gelbach and Miller 2011), which can come out too small,
        even below 0, so it is never below any one-way one.
        """
        of = np.asarray(weights, dtype=float)
        error = max(float(of @ covariance @ of) for covariance in self.covariances) ** 0.5
        return Contrast(float(of @ self.estimate), error, freedom)


def logistic(y: ArrayLike, design: NDArray[np.float64], *clusters: ArrayLike) -> Fit:
    """Logistic regression of `y` (n,) 0 or 1 on `design` (n, k), errors clustered in several ways.

    Each of `clusters` (n,) names those of one way. The covariances are statsmodels', with its
    factors for few of them; the estimates are those of generalised estimating equations with
    working independence (Liang and Zeger 1986), and grow beyond all bounds where the answers are
    separated. Columns have to be independent.
    """
    from statsmodels.genmod.families import Binomial  # 0.7 s
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.stats.sandwich_covariance import cov_cluster
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with catch_warnings():
        simplefilter("ignore", PerfectSeparationWarning)  # the caller sees it in the estimates
        fitted = GLM(np.asarray(y, dtype=float), design, family=Binomial()).fit()
    ways = [np.unique(np.asarray(names), return_inverse=True)[1] for names in clusters]
    alone = [cov_cluster(fitted, way) for way in ways]
    together = sum(alone)
    for size in range(2, len(ways) + 1):
        for some in combinations(ways, size):
            joint = np.unique(np.column_stack(some), axis=0, return_inverse=True)[1].ravel()
            together = together + (-1) ** (size + 1) * cov_cluster(fitted, joint)
    return Fit(np.asarray(fitted.params), (together, *alone))
