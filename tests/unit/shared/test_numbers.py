"""Seeds and intervals: streams that do not meet, intervals that hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from facegap import intervals, seeds

names = st.lists(st.text(max_size=8) | st.integers(0, 99), max_size=3)


@given(st.integers(0, 2**31), names, names)
def test_a_stream_is_its_seed_and_names(seed: int, one: list[str], two: list[str]) -> None:
    same = [str(name) for name in one] == [str(name) for name in two]
    assert (seeds.number(seed, *one) == seeds.number(seed, *two)) == same
    assert 0 <= seeds.number(seed, *one) < 2**63
    draws = [seeds.generator(seed, *one).random() for _ in range(2)]
    assert draws[0] == draws[1]


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_stays_in_bounds(counts: tuple[int, int]) -> None:
    share = intervals.of_share(*counts)
    assert 0 <= share.low <= share.estimate <= share.high <= 1
    assert share[1:] == pytest.approx(proportion_confint(*counts, 0.05, "wilson"), abs=1e-12)


def test_wilson_against_a_value_computed_by_hand() -> None:
    # 270 of 450 at z = 1.959964: centre (0.6 + z²/900) / (1 + z²/450), the paper's men
    low, high = intervals.of_share(270, 450)[1:]
    assert (round(low, 4), round(high, 4)) == (0.5541, 0.6442)
    assert intervals.of_share(0, 0).low == 0


def test_the_mean_of_repeats_has_students_interval() -> None:
    mean = intervals.of_mean([1.0, 2.0, 3.0, 4.0, 5.0])  # sd 1.5811, t(4) = 2.7764
    assert mean.estimate == 3
    assert (mean.low, mean.high) == pytest.approx((3 - 1.9632, 3 + 1.9632), abs=1e-4)
    assert np.isnan(intervals.of_mean([1.0]).low)


def test_clusters_widen_the_interval_as_if_copies_were_not_there() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2, 60).astype(float)
    copied, persons = np.repeat(values, 5), np.repeat(np.arange(60), 5)
    by_person = intervals.of_clusters(copied, persons, np.random.default_rng(1))
    plain = intervals.of_clusters(values, np.arange(60), np.random.default_rng(1))
    as_if_free = intervals.of_clusters(copied, np.arange(300), np.random.default_rng(1))
    assert by_person == pytest.approx(plain)
    assert by_person.high - by_person.low > 1.8 * (as_if_free.high - as_if_free.low)


def test_the_cluster_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for study in range(200):
        person = rng.beta(4, 2, 80)
        values = rng.random((80, 4)) < person[:, None]
        found = intervals.of_clusters(
            values.ravel(), np.repeat(np.arange(80), 4), np.random.default_rng(study), draws=400
        )
        covered += found.low <= 4 / 6 <= found.high
    assert 180 <= covered <= 198


def test_a_clustered_share_of_copies_is_wilsons_share_of_the_originals() -> None:
    hits = np.r_[np.ones(3, bool), np.zeros(37, bool)]
    copied, persons = np.repeat(hits, 5), np.repeat(np.arange(40), 5)
    assert intervals.of_clustered_share(copied, persons) == pytest.approx(intervals.of_share(3, 40))
    none = intervals.of_clustered_share(np.zeros(40, bool), np.arange(40))
    assert (none.low, round(none.high, 4)) == (0, 0.0876)
    assert intervals.plain(intervals.of_clustered_share([], [])) == {
        "estimate": None,
        "low": 0.0,
        "high": 1.0,
    }


def test_a_correlated_share_is_wilsons_of_as_many_trials_as_the_clusters_are_worth() -> None:
    rng = np.random.default_rng(0)
    hits = rng.random(4000) < 0.3
    alone, inside = np.arange(4000), np.arange(4000) // 8
    assert intervals.of_correlated_share(hits, alone) == pytest.approx(
        intervals.of_share(int(hits.sum()), 4000), abs=1e-9
    )
    found = intervals.of_correlated_share(hits, inside)  # clusters by chance: worth nearly all
    plain = intervals.of_share(int(hits.sum()), 4000)
    assert found.high - found.low < 1.2 * (plain.high - plain.low)
    same = np.repeat(rng.random(500) < 0.3, 8)  # all of a cluster alike: worth one
    assert intervals.of_correlated_share(same, inside) == pytest.approx(
        intervals.of_share(int(same.sum()) // 8, 500), abs=1e-9
    )


def test_a_share_in_few_further_trials_is_less_certain() -> None:
    hits, alone = np.arange(100) < 10, np.arange(100)
    ends = [intervals.of_correlated_share(hits, alone, population=n) for n in (np.inf, 1e6, 100)]
    widths = [end.high - end.low for end in ends]
    assert widths[0] == pytest.approx(widths[1], rel=1e-3)
    assert widths[2] > 1.3 * widths[0]
    nothing = intervals.of_correlated_share([], [])
    assert np.isnan(nothing.estimate)
    assert nothing[1:] == (0, 1)
    assert intervals.of_correlated_share([False] * 9, [0, 0, 0, 1, 1, 1, 2, 2, 2]).high > 0.5
