"""The preference of people at large: participants are a sample, and of fewer than ten none."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from facegap.judge.at_large import FEWEST, at_large
from facegap.judge.model import model, preferences

CONTROLS = ["male", "female"]


def answers(
    rng: np.random.Generator, participants: int, taste: float, odds: float = 0.0, each: int = 40
) -> pd.DataFrame:
    """Participants differ by `taste`, persons by how well they come out: log odds."""
    persons = 30
    who = np.repeat(np.arange(participants), each)
    control = np.arange(len(who)) % 2
    one, two = rng.integers(0, persons, (2, len(who))) + control * persons
    person, tastes = rng.normal(0, 0.3, (2, 2 * persons)), rng.normal(0, taste, participants)
    chance = expit(odds + tastes[who] + person[0, one] - person[1, two])
    return pd.DataFrame(
        {
            "chose_in": rng.random(len(who)) < chance,
            "control": np.array(CONTROLS)[control],
            "participant": [f"p{k}" for k in who],
            "in_left": rng.permutation(len(who)) % 2 == 0,
            "in_subject": [f"i{k}" for k in one],
            "out_subject": [f"o{k}" for k in two],
        }
    )


def truth(taste: float, odds: float) -> float:
    """The share that people at large choose, over all persons."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    spread = (taste**2 + 2 * 0.3**2) ** 0.5
    return float(expit(odds + nodes * spread) @ weights / weights.sum())


def test_the_interval_is_of_people_who_differ_and_no_longer_of_these_alone() -> None:
    """How often it holds the truth, 1,000 studies say (docs/calibration.md); here are 40."""
    rng, taste, odds = np.random.default_rng(20_261_130), 0.6, 0.5
    true, held, wider = truth(taste, odds), 0, 0
    for _ in range(40):
        given = answers(rng, 12, taste, odds)
        (row,) = at_large(given, CONTROLS, "preference at large", 0.95)
        held += row["low"] <= true <= row["high"]
        first = next(preferences(model(given, CONTROLS), "preference", 0.95))
        wider += row["high"] - row["low"] > first["high"] - first["low"]
    assert held >= 33, "of 38; four standard deviations fewer"
    assert wider >= 38


def test_fewer_than_ten_participants_say_nothing_of_people_at_large() -> None:
    given = answers(np.random.default_rng(1), FEWEST, 0.3)
    assert list(at_large(given, CONTROLS, "q", 0.95))
    fewer = given[given["participant"] != "p0"]
    assert not list(at_large(fewer, CONTROLS, "q", 0.95))


@pytest.mark.parametrize("chosen", [True, False])
def test_answers_that_are_all_alike_have_no_estimate(chosen: bool) -> None:
    given = answers(np.random.default_rng(1), 12, 0.3).assign(chose_in=chosen)
    assert not list(at_large(given, CONTROLS, "q", 0.95))


def test_who_answers_nothing_of_a_control_leaves_the_others() -> None:
    given = answers(np.random.default_rng(1), 12, 0.3)
    men = given[given["control"] == "male"]
    (row,) = at_large(men, CONTROLS, "q", 0.95)
    assert row["answers"] == len(men)
    assert row["participants"] == 12
