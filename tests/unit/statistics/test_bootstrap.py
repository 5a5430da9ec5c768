"""The percentile bootstrap, of whole clusters."""

import numpy as np
import pytest
from numpy.random import default_rng
from scipy import stats

from facegap.statistics.bootstrap import DRAWS, cluster_counts, percentile, resample
from facegap.statistics.interval import Interval


def mean_interval(
    values: np.ndarray,
    clusters: np.ndarray,
    rng: np.random.Generator,
    confidence: float,
    draws: int = DRAWS,
) -> Interval:
    """Of a mean weighted by how often each member is in a sample, as its callers take it."""
    counts = cluster_counts(clusters, rng, draws)
    return percentile(float(values.mean()), counts @ values / counts.sum(1), confidence)


def test_clusters_widen_the_interval_as_if_there_were_no_copies() -> None:
    values = default_rng(0).integers(0, 2, 60).astype(float)
    copied, persons = np.repeat(values, 5), np.repeat(np.arange(60), 5)
    by_person = mean_interval(copied, persons, default_rng(1), 0.95)
    plain = mean_interval(values, np.arange(60), default_rng(1), 0.95)
    as_if_free = mean_interval(copied, np.arange(300), default_rng(1), 0.95)
    assert by_person == pytest.approx(plain)
    assert by_person.high - by_person.low > 1.8 * (as_if_free.high - as_if_free.low)


def test_the_cluster_interval_covers_the_truth() -> None:
    rng = default_rng(2)
    covered = 0
    for study in range(200):
        person = rng.beta(4, 2, 80)
        values = rng.random((80, 4)) < person[:, None]
        found = mean_interval(
            values.ravel(), np.repeat(np.arange(80), 4), default_rng(study), 0.95, draws=400
        )
        covered += found.low <= 4 / 6 <= found.high
    assert 180 <= covered <= 198


def test_counts_are_how_often_each_member_is_in_a_sample() -> None:
    persons = np.array(["c", "a", "b", "a", "c", "a"])
    counts = cluster_counts(persons, default_rng(0), 50)
    picks = resample(3, default_rng(0), 50)
    slow = [[sum("abc"[k] == name for k in pick) for name in persons] for pick in picks]
    assert counts.dtype == np.float64
    assert counts.tolist() == slow


def test_it_is_scipys_but_for_the_samples() -> None:
    values = default_rng(5).exponential(size=200)
    found = mean_interval(values, np.arange(200), default_rng(6), 0.9, draws=20_000)
    scipys = stats.bootstrap(
        (values,), np.mean, confidence_level=0.9, n_resamples=20_000, method="percentile", rng=7
    ).confidence_interval
    assert found[1:] == pytest.approx((scipys.low, scipys.high), abs=0.01)


def test_samples_without_a_value_do_not_count() -> None:
    found = percentile(0.5, [np.nan, 0.1, 0.2, 0.3, np.inf], 0.5)
    assert found == pytest.approx((0.5, 0.15, 0.25))
    for nothing in (percentile(0.5, [np.nan], 0.95), percentile(np.nan, [0.1, 0.2], 0.95)):
        assert np.isnan(nothing[1:]).all()
