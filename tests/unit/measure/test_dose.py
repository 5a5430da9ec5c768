"""Where curves cross: by hand, without a crossing, and with intervals that hold the truth."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from facegap.measure.dose import Scored, break_even, halving_share
from facegap.statistics.performance import Answers

SHARES = (0.0, 0.25, 0.5, 1.0)


def answers(
    rng: np.random.Generator, share: float, hard: NDArray[np.float64], trainings: int = 6
) -> Answers:
    """Trainings that are right on so large a share of the faces, the same ones rather often."""
    inside = np.arange(len(hard)) % 2 == 0
    own = 0.6 * hard + 0.4 * rng.random((trainings, len(hard)))
    chance = rng.normal(share, 0.01, (trainings, 1))
    right = own < np.quantile(0.6 * rng.random(20_000) + 0.4 * rng.random(20_000), chance)
    return Answers(inside, np.arange(len(hard)), np.where(right == inside, 0.9, 0.1))


def exact(share: float, faces: int = 200) -> Answers:
    """Right on exactly that share of either label."""
    inside = np.arange(faces) % 2 == 0
    right = np.arange(faces) // 2 < share * faces / 2
    return Answers(inside, np.arange(faces), np.where(right == inside, 0.9, 0.1)[None].repeat(3, 0))


@pytest.mark.parametrize(
    ("outside", "halved"),
    [
        ((0.7, 0.75, 0.85, 0.9), 0.375),
        ((0.7, 0.8, 0.8, 0.8), 0.25),
        ((0.7, 0.75, 0.79, 0.79), np.nan),
        ((0.9, 0.9, 0.9, 0.9), np.nan),
        ((0.95, 0.9, 0.9, 0.9), np.nan),
    ],
)
def test_the_gap_is_halved_where_a_line_says(outside: tuple[float, ...], halved: float) -> None:
    """Inside 0.9 throughout, so the gap of 0.2 is halved at 0.8 outside."""
    curve = {
        share: (
            Scored.of(exact(0.9)),
            Scored.of(Answers(one.inside, one.person + 1000, one.probability)),
        )
        for share, one in zip(SHARES, map(exact, outside), strict=True)
    }
    found = halving_share([curve], 0.95, np.random.default_rng(0))
    assert found.estimate == pytest.approx(halved, nan_ok=True)
    several = halving_share([curve, curve], 0.95, np.random.default_rng(0))
    assert several.estimate == pytest.approx(halved, nan_ok=True), "the mean of two alike"


def test_the_break_even_is_where_the_curve_reaches_the_other() -> None:
    curve = {16: exact(0.6), 64: exact(0.8), 256: exact(0.9)}
    rng = np.random.default_rng(0)
    assert break_even(curve, exact(0.7), 0.95, rng).estimate == pytest.approx(32), "in logarithms"
    assert break_even(curve, exact(0.8), 0.95, rng).estimate == pytest.approx(64)
    for share in (0.5, 0.95):
        found = break_even(curve, exact(share), 0.95, rng)
        assert np.isnan([*found]).all(), "never, or from the first on"


def test_faces_of_one_person_are_in_a_sample_together() -> None:
    """Each face three times, in any order: nothing is known that was not before."""

    def copied(one: Answers) -> Answers:
        again = np.random.default_rng(2).permutation(np.arange(len(one.inside)).repeat(3))
        return Answers(one.inside[again], one.person[again], one.probability[:, again])

    curve = {16: exact(0.6), 64: exact(0.8), 256: exact(0.9)}
    thrice = {number: copied(one) for number, one in curve.items()}
    found = break_even(curve, exact(0.7), 0.95, np.random.default_rng(0))
    again = break_even(thrice, copied(exact(0.7)), 0.95, np.random.default_rng(0))
    assert np.isfinite([*found]).all()
    assert again == pytest.approx(found)


def halving(rng: np.random.Generator) -> tuple[float, float]:
    hard, harder = rng.random((2, 300))
    curve = {}
    for share, outside in zip(SHARES, (0.6, 0.7, 0.8, 0.85), strict=True):
        one = answers(rng, outside, harder)
        shifted = Answers(one.inside, one.person + 1000, one.probability)
        curve[share] = (Scored.of(answers(rng, 0.85, hard)), Scored.of(shifted))
    return halving_share([curve], 0.9, rng)[1:]  # truly 0.3125


def even(rng: np.random.Generator) -> tuple[float, float]:
    hard = rng.random(300)
    curve = {n: answers(rng, share, hard) for n, share in ((16, 0.6), (64, 0.75), (256, 0.85))}
    return break_even(curve, answers(rng, 0.7, hard), 0.9, rng)[1:]  # truly 40.3


@pytest.mark.parametrize(("crossing", "truth"), [(halving, 0.3125), (even, 40.32)])
def test_the_intervals_hold_the_truth(
    crossing: Callable[[np.random.Generator], tuple[float, float]], truth: float
) -> None:
    found = [crossing(np.random.default_rng(k)) for k in range(60)]
    known = [ends for ends in found if np.isfinite(ends).all()]
    assert len(known) > 40
    held = np.mean([low <= truth <= high for low, high in known])
    assert held >= 0.8, "of 90% intervals"
    assert np.mean([high - low for low, high in known]) < (0.6 if truth < 1 else 60)
