"""Groups of persons: intervals that hold the truth, ranges that are not found where nothing is."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.groups import in_order
from facegap.measure.by_group import Grouping, bands, group_rows, groupings, ranges
from facegap.measure.judged import Judged
from facegap.settings.models import Groups
from facegap.statistics.interval import Interval
from facegap.statistics.performance import Estimate

STUDIES, PERSONS = 300, 60  # persons a group, with two pictures each
GROUPS = ("A", "B", "C", "D")


def study(rng: np.random.Generator, shares: tuple[float, ...]) -> dict[str, list[dict[str, Any]]]:
    """The rows by quantity of a model that is right in so many of each group's faces."""
    names, person, right = [], [], []
    for k, share in enumerate(shares):
        able = rng.beta(8 * share, 8 * (1 - share), PERSONS)
        names += [GROUPS[k]] * (2 * PERSONS)
        person += (np.repeat(np.arange(PERSONS), 2) + k * PERSONS).tolist()
        right += (rng.random(2 * PERSONS) < np.repeat(able, 2)).tolist()
    judged = Judged("Smiling", {"accuracy": np.array(right, float)}, np.array(person))
    grouping = Grouping("group", pd.Series([f"group: {name}" for name in names]))
    parts = (judged.metrics(), judged.person, [grouping], Groups(), 0.95, rng)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in group_rows(*parts):
        found.setdefault(row["quantity"], []).append(row)
    return found


def held(row: dict[str, Any], truth: float) -> bool:
    return bool(row["low"] <= truth <= row["high"])


@pytest.mark.parametrize("shares", [(0.8, 0.8, 0.8, 0.8), (0.9, 0.85, 0.8, 0.6), (0.9, 0.7)])
def test_intervals_hold_what_is_planted(shares: tuple[float, ...]) -> None:
    rng = np.random.default_rng(20_261_129)
    found = [study(rng, shares) for _ in range(STUDIES)]
    for quantity, truth in (
        ("range of groups", max(shares) - min(shares)),
        ("ratio of groups", min(shares) / max(shares)),
    ):
        rows = [each[quantity][0] for each in found]
        assert np.mean([held(row, truth) for row in rows]) >= 0.93, quantity
    of_groups = [
        held(row, share)
        for each in found
        for row, share in zip(each["model performance"][1:], shares, strict=True)
    ]
    assert 0.93 <= np.mean(of_groups) <= 0.98
    differences = [
        held(row, shares[k] - np.mean([s for i, s in enumerate(shares) if i != k]))
        for each in found
        for k, row in enumerate(each["group against the others"])
    ]
    assert 0.93 <= np.mean(differences) <= 0.98


def test_where_nothing_differs_little_is_found_and_a_planted_group_is() -> None:
    rng = np.random.default_rng(1)
    none = [study(rng, (0.8,) * 4) for _ in range(STUDIES)]
    ranges_found = np.mean([each["range of groups"][0]["p"] < 0.05 for each in none])
    assert ranges_found <= 0.08
    any_group = [
        any(row["adjusted_p"] < 0.05 for row in each["group against the others"]) for each in none
    ]
    assert np.mean(any_group) <= 0.08
    planted = [study(rng, (0.9, 0.9, 0.9, 0.65)) for _ in range(60)]
    assert np.mean([each["range of groups"][0]["p"] < 0.05 for each in planted]) > 0.9
    worst = [each["range of groups"][0]["group"] for each in planted]
    assert worst.count("group: worst D") == len(worst)


def test_a_small_group_is_counted_and_has_no_number() -> None:
    rng = np.random.default_rng(0)
    names = pd.Series(["group: A"] * 60 + ["group: B"] * 60 + ["group: C"] * 30)
    person = np.array([*range(60), *range(60, 120), *np.repeat(np.arange(120, 130), 3)])
    judged = Judged("Smiling", {"accuracy": (rng.random(150) < 0.8).astype(float)}, person)
    parts = ([Grouping("group", names)], Groups(least_persons=20), 0.95, rng)
    rows = list(group_rows(judged.metrics(), person, *parts))
    (small,) = (row for row in rows if row.get("group") == "group: C")
    assert small["persons"] == 10
    assert small["faces"] == 30
    assert "estimate" not in small
    assert {row["group"] for row in rows if row["quantity"] == "group against the others"} == {
        "group: A"
    }, "of two groups that are shown one is tested"


def of(value: float, error: float) -> Estimate:
    return Estimate(Interval(value, value, value), error, 50.0, "persons")


@settings(max_examples=50)
@given(
    st.lists(st.floats(0.1, 0.9, allow_subnormal=False), min_size=2, max_size=6),
    st.floats(0.01, 0.1, allow_subnormal=False),
)
def test_the_range_is_the_largest_less_the_smallest(values: list[float], error: float) -> None:
    metric = Judged("t", {"accuracy": np.ones(2)}, np.arange(2)).metrics()["accuracy"]
    estimates = {f"group: {k}": of(value, error) for k, value in enumerate(values)}
    grouping = Grouping("group", pd.Series(dtype=str))
    rng = np.random.default_rng(0)
    spread, ratio = ranges(estimates, metric, grouping, 0.95, rng)
    assert spread["estimate"] == pytest.approx(max(values) - min(values))
    assert ratio["estimate"] == pytest.approx(min(values) / max(values))
    assert 0 <= spread["low"] <= spread["estimate"] <= spread["high"] <= 1
    assert ratio["low"] <= ratio["estimate"] <= ratio["high"] <= 1
    assert values[int(spread["group"].rpartition(" ")[2])] == min(values)


@given(st.lists(st.floats(-50, 80, allow_subnormal=False), min_size=30, max_size=80))
def test_bands_are_in_order_and_hold_every_value(values: list[float]) -> None:
    found = bands(pd.Series([*values, np.nan]), 5)
    assert pd.isna(found.iloc[-1])
    if found.notna().any():
        assert found.iloc[:-1].notna().all()
        ordered = in_order(found.dropna().unique())
        lowest = [
            min(v for v, band in zip(values, found, strict=False) if band == b) for b in ordered
        ]
        assert all(one < other for one, other in pairwise(lowest))


def test_groups_are_of_the_columns_that_a_set_has_and_cross() -> None:
    faces = pd.DataFrame(
        {
            "gender": ["male", "female", "male", None],
            "race_raw": [None] * 4,
            "Smiling": pd.array([0, 1, 1, 0], "Int8"),
        }
    )
    given = Groups(by=["gender", "race_raw", "Smiling"], crossings=[["gender", "Smiling"]], tones=0)
    found = groupings(faces.assign(age=[1.0, np.nan, 2.0, 3.0]), {}, given)
    assert [each.factor for each in found] == ["gender", "Smiling", "gender × Smiling"]
    assert found[2].names.tolist()[:3] == [
        "gender: male × Smiling: 0",
        "gender: female × Smiling: 1",
        "gender: male × Smiling: 1",
    ]
    assert pd.isna(found[2].names.iloc[3])
