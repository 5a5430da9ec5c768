"""What could have been found: against scipy's power, and simulated studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from facegap.statistics.absence import equivalence_bound, smallest_detectable
from facegap.statistics.means import student

ERRORS = st.floats(1e-3, 10)
FREEDOMS = st.one_of(st.floats(1, 1000), st.just(np.inf))


def test_the_constants_are_those_of_the_tables() -> None:
    assert smallest_detectable(1, np.inf) == pytest.approx(1.959964 + 0.841621, abs=1e-6)
    assert smallest_detectable(0.5, 10) == pytest.approx((2.228139 + 0.879058) / 2, abs=1e-6)
    assert equivalence_bound(-1, 2, np.inf) == pytest.approx(1 + 2 * 1.644854, abs=1e-6)
    assert smallest_detectable(1, np.inf, 0.9) == pytest.approx(1.644854 + 0.841621, abs=1e-6)
    assert equivalence_bound(0, 1, 10, 0.9) == pytest.approx(1.372184, abs=1e-6)


@pytest.mark.parametrize("freedom", [19, 39, 199])
def test_an_effect_of_that_size_is_found_8_times_of_10(freedom: int) -> None:
    effect = smallest_detectable(1, freedom)
    edge = stats.t.ppf(0.975, freedom)
    assert stats.nct.sf(edge, freedom, effect) == pytest.approx(0.8, abs=0.015)


def test_simulated_studies_find_it_as_often() -> None:
    rng, n = np.random.default_rng(1), 30
    effect = smallest_detectable(1 / n**0.5, n - 1)
    found = [student(rng.normal(effect, 1, n), 0.95).low > 0 for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


@given(st.floats(-5, 5, allow_subnormal=False), ERRORS, FREEDOMS)
def test_the_bound_is_the_larger_end_of_the_90_percent_interval(
    estimate: float, error: float, freedom: float
) -> None:
    low, high = stats.t.interval(0.9, freedom, estimate, error)
    bound = equivalence_bound(estimate, error, freedom)
    assert bound == pytest.approx(max(abs(low), abs(high)), rel=1e-6)
    one_sided = [stats.t.sf((bound - sign * estimate) / error, freedom) for sign in (1, -1)]
    assert max(one_sided) == pytest.approx(0.05, rel=1e-6)  # both tests, at this very margin


def test_without_an_error_nothing_is_said() -> None:
    assert np.isnan(smallest_detectable(float("nan"), 10))
    assert np.isnan(equivalence_bound(0.1, float("nan"), 10))
