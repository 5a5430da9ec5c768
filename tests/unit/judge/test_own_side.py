"""The preference by participants' own side: found where it is, and of few nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from facegap.judge.raters import by_own_side

CONTROLS = ["male", "female"]


def answers(
    rng: np.random.Generator, participants: int, own: float, each: int = 60
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every second participant is inside, and prefers the inside by `own` more (log odds)."""
    who = np.repeat(np.arange(participants), each)
    control = np.arange(len(who)) % 2
    one, two = rng.integers(0, 30, (2, len(who))) + control * 30
    person, taste = rng.normal(0, 0.3, (2, 60)), rng.normal(0, 0.3, participants)
    odds = taste[who] + own * (who % 2 == 0) + person[0, one] - person[1, two]
    table = pd.DataFrame(
        {
            "chose_in": rng.random(len(who)) < expit(odds),
            "control": np.array(CONTROLS)[control],
            "participant": [f"p{k}" for k in who],
            "in_left": rng.permutation(len(who)) % 2 == 0,
            "in_subject": [f"i{k}" for k in one],
            "out_subject": [f"o{k}" for k in two],
        }
    )
    names = [f"p{k}" for k in range(participants)]
    sides = np.where(np.arange(participants) % 2 == 0, "inside", "outside")
    return table, pd.DataFrame({"participant": names, "side": sides})


def rows(table: pd.DataFrame, raters: pd.DataFrame) -> dict[str, dict[str, float]]:
    found = by_own_side(table, raters, CONTROLS, 5, 0.95)
    return {row.get("group", row["quantity"]): row for row in found}


def test_who_is_inside_and_prefers_it_is_found() -> None:
    found = rows(*answers(np.random.default_rng(1), 40, 1.0))
    assert found["rater: inside"]["low"] > 0.5
    assert found["rater: outside"]["low"] < 0.5 < found["rater: outside"]["high"]
    apart = found["preference difference by own side"]
    assert apart["low"] > 0
    assert apart["participants"] == 40
    assert found["rater: inside"]["participants"] == 20


def test_where_nothing_differs_it_is_found_in_5_of_100() -> None:
    rng, studies = np.random.default_rng(20_261_130), 200
    found = [
        rows(*answers(rng, 24, 0.0, each=30))["preference difference by own side"]["p"] < 0.05
        for _ in range(studies)
    ]
    assert np.mean(found) <= 0.09


@pytest.mark.parametrize("few", [4, 0])
def test_of_few_on_a_side_nothing_is_shown(few: int) -> None:
    table, raters = answers(np.random.default_rng(1), 24, 1.0)
    outside = raters[raters["side"] == "outside"][:few]
    assert not rows(table, pd.concat([raters[raters["side"] == "inside"], outside]))


def test_who_said_nothing_is_on_neither_side() -> None:
    table, raters = answers(np.random.default_rng(1), 24, 1.0)
    found = rows(table, raters[:20])
    assert found["preference difference by own side"]["participants"] == 20
