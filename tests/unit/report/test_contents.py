"""What the page says of numbers: the verdict, and how a reader sees them."""

import pytest

from facegap.numbers import count, number, percent, percents, points, span
from facegap.report.contents import verdict


def test_numbers_as_a_reader_sees_them() -> None:
    assert number(None) == number(float("nan")) == percent(None) == "–"
    assert number(-0.12345) == "−0.123"
    assert number(-0.0001) == "0.000"
    assert span(0.1, 0.25, 2) == "[0.10, 0.25]"
    assert span(None, 0.2) == span(0.1, float("nan")) == ""
    assert percents({"low": None, "high": None}) == points({"low": None, "high": None}) == ""
    assert percent(0.5678) == "56.8%"
    assert percents({"low": 0.1, "high": 0.2}) == "[10.0, 20.0%]"
    assert points({"low": -0.1, "high": 0.2}) == "[−10.0, 20.0]"
    assert count(202599) == "202\u202f599"


@pytest.mark.parametrize(
    ("low", "high", "bound", "planted", "words"),
    [
        (0.1, 0.3, 0.3, 1.0, "A transfer loss was found; one was planted."),
        (-0.1, 0.3, 0.3, 1.0, "No transfer loss was found; one was planted."),
        (-0.3, -0.1, 0.3, 1.0, "A transfer loss below zero was found: the target is the easier;"),
        (-0.1, 0.1, 0.08, 0.0, "No transfer loss was found; none was planted."),
        (0.1, 0.3, 0.3, 0.0, "A transfer loss was found; none was planted."),
        (0.1, 0.3, 0.3, None, "A transfer loss was found."),
        (-0.1, 0.1, 0.08, None, "No transfer loss was found."),
        (-0.04, 0.05, 0.04, None, "No transfer loss was found, and it is equivalent to none."),
    ],
)
def test_the_verdict_says_what_the_interval_allows(
    low: float, high: float, bound: float, planted: float | None, words: str
) -> None:
    """Equivalent is said only against the margin that the settings fixed."""
    outcome = {"estimate": (low + high) / 2, "low": low, "high": high, "equivalence_bound": bound}
    assert verdict(outcome, "transfer loss", 0.05, planted).startswith(words)
