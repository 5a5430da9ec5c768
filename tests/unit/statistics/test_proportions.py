"""Intervals of shares hold what they promise; tests against other people's code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from facegap.statistics.proportions import (
    cluster_wilson,
    correlated_wilson,
    correlation,
    exceeds_p,
    in_trials,
    wilson,
)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_in_bounds(counts: tuple[int, int]) -> None:
    share = wilson(*counts, 0.95)
    assert 0 <= share.low <= share.estimate <= share.high <= 1
    assert share[1:] == pytest.approx(proportion_confint(*counts, 0.05, "wilson"), abs=1e-12)


def test_wilson_against_a_value_computed_by_hand() -> None:
    # 270 of 450 at z = 1.959964: centre (0.6 + z²/900) / (1 + z²/450), the paper's men
    low, high = wilson(270, 450, 0.95)[1:]
    assert (round(low, 4), round(high, 4)) == (0.5541, 0.6442)
    assert wilson(0, 0, 0.95)[1:] == (0, 1)


def test_a_share_of_clusters_of_copies_is_wilsons_share_of_the_originals() -> None:
    hits = np.r_[np.ones(3, bool), np.zeros(37, bool)]
    copied, persons = np.repeat(hits, 5), np.repeat(np.arange(40), 5)
    assert cluster_wilson(copied, persons, 0.95) == pytest.approx(wilson(3, 40, 0.95))
    none = cluster_wilson(np.zeros(40, bool), np.arange(40), 0.95)
    assert (none.low, round(none.high, 4)) == (0, 0.0876)
    nothing = cluster_wilson([], [], 0.95)
    assert np.isnan(nothing.estimate)
    assert nothing[1:] == (0, 1)


def test_a_correlated_share_is_wilsons_of_as_many_trials_as_the_clusters_are_worth() -> None:
    rng = np.random.default_rng(0)
    hits = rng.random(4000) < 0.3
    alone, inside = np.arange(4000), np.arange(4000) // 8
    plain = wilson(int(hits.sum()), 4000, 0.95)
    assert correlated_wilson(hits, alone, 0.95) == pytest.approx(plain, abs=1e-9)
    found = correlated_wilson(hits, inside, 0.95)  # clusters by chance: worth nearly all
    assert found.high - found.low < 1.2 * (plain.high - plain.low)
    same = np.repeat(rng.random(500) < 0.3, 8)  # all of a cluster alike: worth one
    assert correlated_wilson(same, inside, 0.95) == pytest.approx(
        wilson(int(same.sum()) // 8, 500, 0.95), abs=1e-9
    )


def test_a_share_in_few_further_trials_is_less_certain() -> None:
    hits, alone = np.arange(100) < 10, np.arange(100)
    ends = [correlated_wilson(hits, alone, 0.95, population=n) for n in (np.inf, 1e6, 100)]
    widths = [end.high - end.low for end in ends]
    assert widths[0] == pytest.approx(widths[1], rel=1e-3)
    assert widths[2] > 1.3 * widths[0]
    nothing = correlated_wilson([], [], 0.95)
    assert np.isnan(nothing.estimate)
    assert nothing[1:] == (0, 1)
    assert correlated_wilson([False] * 9, [0, 0, 0, 1, 1, 1, 2, 2, 2], 0.95).high > 0.5


@pytest.mark.parametrize("common", [0.0, 0.5, 2.0])
def test_the_correlation_is_that_of_the_members_pairs(common: float) -> None:
    """Of clusters of one size it is the correlation over all pairs of members, near enough."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2000, 3)) + common * rng.normal(size=(2000, 1))
    pairs = np.concatenate([values[:, [i, j]] for i in range(3) for j in range(3) if i != j])
    sizes = np.full(2000, 3)
    found = correlation(values.ravel(), np.repeat(np.arange(2000), 3), sizes)
    assert found == pytest.approx(max(np.corrcoef(pairs.T)[0, 1], 0), abs=0.002)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95])
def test_more_than_a_share_is_scipys_exact_test_and_clopper_and_pearsons_limit(
    share: float,
) -> None:
    trials = np.array([1, 22, 45, 100, 1000])
    for successes in (trials, trials - 1, trials // 2):
        found = exceeds_p(successes, trials, share)
        exact = [
            binomtest(int(k), int(n), share, "greater").pvalue
            for k, n in zip(successes, trials, strict=True)
        ]
        assert found == pytest.approx(exact, rel=1e-9)
        low = proportion_confint(successes, trials, 0.2, "beta")[0]  # one-sided at 0.1
        assert ((found <= 0.1) == (low >= share)).all()


@pytest.mark.parametrize(("probability", "asked", "trials"), [(0.05, 400, 300), (0.2, 100, 2000)])
def test_the_share_in_further_trials_is_held_as_often_as_promised(
    probability: float, asked: int, trials: int
) -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(2000):
        estimate = wilson(int(rng.binomial(asked, probability)), asked, 0.95)
        _, low, high = in_trials(estimate, trials, 0.95)
        held += low <= rng.binomial(trials, probability) / trials <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.02)
    assert in_trials(estimate, 0, 0.95) == pytest.approx(estimate)
