"""Corrections for several tests, and tests by exchange."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from facegap.statistics.multiplicity import fixed_sequence, holm
from facegap.statistics.permutation import exchange_p


@settings(max_examples=15)  # statsmodels collects garbage each time, a second in a large process
@given(st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=20))
def test_holms_p_values_are_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize(
    ("p", "rejected"),
    [([0.01, 0.05, 0.2, 0.01], 2), ([0.2, 0.01], 0), ([0.01, 0.02], 2), ([], 0), ([np.nan], 0)],
)
def test_a_fixed_sequence_ends_at_the_first_that_does_not_reject(
    p: list[float], rejected: int
) -> None:
    assert fixed_sequence(p, 0.05) == rejected


def test_a_fixed_sequence_is_wrong_no_more_often_than_its_level() -> None:
    """Twenty true hypotheses, each made at the whole level, alike or not."""
    rng = np.random.default_rng(0)
    alone = [fixed_sequence(rng.random(20), 0.1) > 0 for _ in range(4000)]
    alike = [fixed_sequence(np.full(20, rng.random()), 0.1) > 0 for _ in range(4000)]
    assert np.mean(alone) == pytest.approx(0.1, abs=0.02)
    assert np.mean(alike) == pytest.approx(0.1, abs=0.02)


def test_a_missing_p_value_is_no_test() -> None:
    assert holm([0.02, np.nan, 0.01]) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert holm([]).shape == (0,)


def test_exchange_is_right_about_chance() -> None:
    """Whole persons are lost by chance: few p values are small, though their faces go together."""
    rng = np.random.default_rng(0)
    person = pd.Series(np.repeat(np.arange(60), 5))
    groups = pd.Series(np.where(person % 2, "a", "b"))
    values = []
    for _ in range(60):
        hits = pd.Series(np.repeat(rng.random(60) < 0.2, 5))
        values.append(exchange_p(groups, hits, person, np.random.default_rng(1)))
    assert np.mean(np.array(values) < 0.05) < 0.15
    assert 0.3 < np.mean(values) < 0.7


def test_of_one_face_a_person_and_two_groups_exchange_is_scipys() -> None:
    rng = np.random.default_rng(2)
    hits = pd.Series(rng.random(80) < 0.3)
    groups = pd.Series(np.where(np.arange(80) < 30, "a", "b"))
    found = exchange_p(groups, hits, pd.Series(np.arange(80)), rng)
    one, two = hits[groups == "a"].astype(float), hits[groups == "b"].astype(float)
    scipys = stats.permutation_test(
        (one, two), lambda a, b: abs(a.mean() - b.mean()), alternative="greater", rng=3
    )
    assert found == pytest.approx(scipys.pvalue, abs=0.04)


def test_nothing_and_everything_is_no_test() -> None:
    rng, groups = np.random.default_rng(0), pd.Series(["a", "b"])
    for value in (True, False):
        assert np.isnan(exchange_p(groups, pd.Series([value] * 2), groups, rng))
