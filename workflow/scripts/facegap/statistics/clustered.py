"""Logistic regression whose errors know that answers share persons, in two ways at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit

from facegap.statistics.interval import Interval


@dataclass(frozen=True)
class Fit:
    """Estimated log odds (k,), with their covariances (k, k): two-way, and by either cluster."""

    estimate: NDArray[np.float64]
    covariances: tuple[NDArray[np.float64], ...]
    freedom: int  # degrees of freedom of Student's t

    def contrast(
        self, weights: ArrayLike, confidence: float, *, share: bool = False
    ) -> tuple[Interval, float]:
        """The sum of the log odds times `weights` (k,), and the p of its being 0.

        With `share` as a probability. The variance is two-way (Cameron, Gelbach and Miller 2011),
        which can come out too small, even below 0, so it is never below either one-way one.
        """
        of = np.asarray(weights, dtype=float)
        value = float(of @ self.estimate)
        error = max(float(of @ covariance @ of) for covariance in self.covariances) ** 0.5
        reach = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * error
        ends = np.array([value, value - reach, value + reach])
        p = 2 * float(stats.t.sf(abs(value) / error, self.freedom))
        return Interval(*map(float, expit(ends) if share else ends)), p


def logistic(y: ArrayLike, design: NDArray[np.float64], one: Any, other: Any, freedom: int) -> Fit:
    """Logistic regression of `y` (n,) 0 or 1 on `design` (n, k), errors clustered in two ways.

    `one` and `other` (n,) name the clusters. The covariances are statsmodels', with its factors for
    few of them; the estimates those of generalised estimating equations with working independence
    (Liang and Zeger 1986). Columns have to be independent.
    """
    from statsmodels.genmod.families import Binomial  # 0.7 s
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

    fitted = GLM(np.asarray(y, dtype=float), design, family=Binomial()).fit()
    clusters = [np.unique(np.asarray(names), return_inverse=True)[1] for names in (one, other)]
    return Fit(np.asarray(fitted.params), cov_cluster_2groups(fitted, *clusters), freedom)
