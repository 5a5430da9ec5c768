"""What the page says of numbers: the verdict, and how a reader sees them."""

import pytest

from facegap.numbers import count, number, percent, percents, points, span
from facegap.report.contents import verdict
from facegap.statistics.interval import Interval


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
    ("low", "high", "planted", "words"),
    [
        (0.1, 0.3, 1.0, "The planted gap was found. The target's accuracy lies below"),
        (-0.1, 0.3, 1.0, "The planted gap was missed. No gap was found: the interval"),
        (-0.3, -0.1, 1.0, "The planted gap was missed. The target's accuracy lies above"),
        (-0.1, 0.1, 0.0, "No gap was planted, and none was found"),
        (0.1, 0.3, 0.0, "A gap was reported where none was planted. The target's"),
        (-0.3, -0.1, 0.0, "A gap was reported where none was planted. The target's"),
        (0.1, 0.3, None, "The target's accuracy lies below the source's."),
        (-0.1, 0.1, None, "No gap was found"),
        (-0.3, -0.1, None, "The target's accuracy lies above the source's."),
    ],
)
def test_the_verdict_says_what_the_interval_allows(
    low: float, high: float, planted: float | None, words: str
) -> None:
    assert verdict(Interval((low + high) / 2, low, high), planted).startswith(words)
