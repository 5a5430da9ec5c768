"""Sides that are wrong now and then bring the means together; corrected, the gap comes back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegap.measure.gaps import image_scores, realism_gap
from facegap.measure.right_sides import corrected, error_of_sides, realism_rows
from facegap.quantity import PRIMARY
from facegap.statistics.interval import Interval
from facegap.statistics.proportions import correlated_wilson
from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES, estimates

GAP, WRONG = 0.3, (0.05, 0.15)  # the latter: of the faces called inside, and outside
FACES, TESTED, STUDIES, SEEDS = 150, 400, 400, 5


def study(rng: np.random.Generator) -> tuple[dict[str, Any], Interval]:
    """A gap between faces some of which lie on the other side, and what is known of how many."""
    sides, known = [], []
    for side, wrong in enumerate(WRONG):
        outside = (rng.random(FACES) < wrong) != bool(side)
        person = rng.normal(0, 0.2, FACES)
        values = person - GAP * outside + rng.normal(0, 0.1, (SEEDS, FACES))
        sides.append(image_scores(values, np.arange(FACES), np.arange(FACES)))
        tested = rng.random(TESTED) < wrong
        known.append(Interval(*correlated_wilson(tested, np.arange(TESTED).astype(str), 0.95)))
    low = sum((each.estimate - each.low) ** 2 for each in known) ** 0.5
    high = sum((each.high - each.estimate) ** 2 for each in known) ** 0.5
    total = sum(each.estimate for each in known)
    return realism_gap(*sides, 0.95), Interval(total, total - low, total + high)


def test_the_gap_of_right_sides_comes_back_within_its_intervals() -> None:
    rng = np.random.default_rng(20_261_129)
    found = [study(rng) for _ in range(STUDIES)]
    before = [gap for gap, _ in found]
    after = [corrected(gap, error, 0.95) for gap, error in found]
    assert np.mean([gap["estimate"] for gap in before]) == pytest.approx(-GAP * 0.8, abs=0.01)
    assert np.mean([gap["estimate"] for gap in after]) == pytest.approx(-GAP, abs=0.01)
    held = np.mean([gap["low"] <= -GAP <= gap["high"] for gap in after])
    assert 0.92 <= held <= 0.98
    assert np.mean([gap["low"] <= -GAP <= gap["high"] for gap in before]) < 0.5


def test_without_errors_nothing_changes() -> None:
    gap, _ = study(np.random.default_rng(0))
    same = corrected(gap, Interval(0.0, 0.0, 0.0), 0.95)
    for name in ("estimate", "low", "high", "standard_error"):
        assert same[name] == pytest.approx(gap[name])


@pytest.mark.parametrize("error", [Interval(*[float("nan")] * 3), Interval(0.7, 0.5, 0.9)])
def test_of_unknown_or_hopeless_errors_nothing_is_said(error: Interval) -> None:
    gap, _ = study(np.random.default_rng(0))
    assert corrected(gap, error, 0.95) == {}


def test_the_errors_of_both_sides_add_up(tmp_path: Path) -> None:
    rows = [
        {
            **{"quantity": "faces of the other side", "group": f"domain: {domain}", "faces": 50},
            **{"estimate": wrong, "low": wrong - 2, "high": wrong + 2},
        }
        for domain, wrong in (("in-domain", 5.0), ("out-domain", 10.0))
    ]
    write_table(estimates(rows, "study"), tmp_path / "roles.parquet", ESTIMATES)
    found = error_of_sides(tmp_path / "roles.parquet")
    apart = 0.04 * 2**0.5
    assert found == pytest.approx((0.3, 0.3 - apart, 0.3 + apart))
    more = error_of_sides(tmp_path / "roles.parquet", Interval(0.1, 0.1, 0.1))
    assert more.estimate == pytest.approx(0.5)


def test_the_primary_gaps_alone_are_corrected(tmp_path: Path) -> None:
    gap, error = study(np.random.default_rng(0))
    rows = [
        {"quantity": "realism gap", "metric": "identity preservation", "family": PRIMARY, **gap},
        {"quantity": "realism gap", "metric": "FID", "family": "further realism", **gap},
        {
            **{"quantity": "realism interaction", "metric": "identity preservation"},
            **{"family": f"interaction, {PRIMARY}", **gap},
        },
    ]
    write_table(estimates(rows, "study"), tmp_path / "realism.parquet", ESTIMATES)
    found = list(realism_rows([tmp_path / "realism.parquet"], {"no error": error}, 0.95))
    assert [row["group"] for row in found] == [
        f"outcome: {name} × labels: {labels}"
        for name in ("realism gap", "realism interaction")
        for labels in ("as they are", "no error")
    ]
    assert {row["metric"] for row in found} == {"identity preservation"}
    assert found[1]["share"] == pytest.approx(error.estimate)
