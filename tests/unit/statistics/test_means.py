"""Student's interval."""

import numpy as np
import pytest
from scipy import stats

from facegap.statistics.interval import row
from facegap.statistics.means import student


def test_the_mean_of_repeats_has_students_interval() -> None:
    mean = student([1.0, 2.0, 3.0, 4.0, 5.0], 0.95)  # sd 1.5811, t(4) = 2.7764
    assert mean.estimate == 3
    assert (mean.low, mean.high) == pytest.approx((3 - 1.9632, 3 + 1.9632), abs=1e-4)
    assert np.isnan(student([1.0], 0.95).low)
    assert np.isnan(student([], 0.95).estimate)


def test_it_is_scipys() -> None:
    values = np.random.default_rng(0).normal(3, 2, 12)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert student(values, 0.9)[1:] == pytest.approx((low, high))
    assert row(student(values, 0.9)) == {
        "estimate": values.mean(),
        "low": pytest.approx(low),
        "high": pytest.approx(high),
    }
