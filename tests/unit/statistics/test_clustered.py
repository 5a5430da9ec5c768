"""The two-way clustered regression, against a sandwich by hand and generalised equations."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE

from facegap.statistics.clustered import logistic

N = 400
RNG = np.random.default_rng(0)
DESIGN = np.column_stack([np.ones(N), RNG.normal(size=N)])
ONE, TWO = (np.char.add(side, RNG.integers(0, 25, N).astype(str)) for side in "ab")
EFFECT = dict(zip(sorted({*ONE, *TWO}), RNG.normal(0, 0.7, 50), strict=True))
SHARED = np.array([EFFECT[a] + EFFECT[b] for a, b in zip(ONE, TWO, strict=True)])
Y = RNG.random(N) < expit(0.3 + 0.5 * DESIGN[:, 1] + SHARED)


def sandwich(estimate: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The one-way robust covariance, cluster by cluster, with the factor for few of them."""
    chance = expit(DESIGN @ estimate)
    bread = np.linalg.inv((DESIGN * (chance * (1 - chance))[:, None]).T @ DESIGN)
    scores = DESIGN * (Y - chance)[:, None]
    meat = sum(
        np.outer(scores[clusters == name].sum(0), scores[clusters == name].sum(0))
        for name in set(clusters)
    )
    few = len(set(clusters))
    return np.asarray(bread @ meat @ bread) * few / (few - 1) * (N - 1) / (N - 2)


def test_covariances_are_those_by_hand_and_estimates_those_of_the_equations() -> None:
    fit = logistic(Y, DESIGN, ONE, TWO)
    one, two = (sandwich(fit.estimate, names) for names in (ONE, TWO))
    both = sandwich(fit.estimate, np.char.add(ONE, TWO))
    for found, wanted in zip(fit.covariances, (one + two - both, one, two), strict=True):
        assert found == pytest.approx(wanted, rel=1e-6)
    for clusters, covariance in zip((ONE, TWO), fit.covariances[1:], strict=True):
        codes = np.unique(clusters, return_inverse=True)[1]
        equations = GEE(Y, DESIGN, codes, family=Binomial(), cov_struct=Independence()).fit()
        assert fit.estimate == pytest.approx(equations.params, abs=1e-6)
        factor = covariance / equations.cov_params()  # which they lack
        assert factor == pytest.approx(factor[0, 0], rel=1e-4)
        assert 1 < factor[0, 0] < 1.05


def test_of_separated_answers_the_estimate_grows_beyond_all_bounds() -> None:
    sides = np.column_stack([np.ones(N), np.resize([-1.0, 1.0], N)])
    fit = logistic(sides[:, 1] > 0, sides, ONE, TWO)
    assert not np.abs(fit.estimate).max() < 10


def test_a_contrast_has_students_interval_never_below_either_ways() -> None:
    fit = logistic(Y, DESIGN, ONE, TWO)
    contrast = fit.contrast([0, 1], 24)
    interval = contrast.interval(0.9)
    variances = [covariance[1, 1] for covariance in fit.covariances]
    assert contrast.error == pytest.approx(max(variances) ** 0.5)
    assert (interval.high - interval.low) / 2 == pytest.approx(
        stats.t.ppf(0.95, 24) * contrast.error
    )
    assert contrast.p == pytest.approx(2 * stats.t.sf(fit.estimate[1] / contrast.error, 24))
    assert contrast.interval(0.9, share=True) == pytest.approx(expit(interval))
    alone = np.arange(N)  # each answer its own cluster in one way: two-way is the other way's
    few = logistic(Y, DESIGN, alone, TWO)
    assert few.covariances[0] == pytest.approx(few.covariances[2])
