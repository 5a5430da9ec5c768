"""Numbers as a reader sees them on the page."""

from typing import Any

import pandas as pd


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none; what rounds to zero has no sign."""
    if value is None or pd.isna(value):
        return "–"
    return f"{value:z.{digits}f}".replace("-", "−")


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval in brackets, or nothing."""
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, or a dash where there is none."""
    return "–" if value is None or pd.isna(value) else f"{number(100 * value, digits)}%"


def percents(row: dict[str, Any]) -> str:
    """The interval of a share (a row of ESTIMATES) in brackets, or nothing."""
    text = points(row)
    return f"{text[:-1]}%]" if text else ""


def points(row: dict[str, Any]) -> str:
    """The interval of a difference of shares in percentage points, or nothing."""
    low, high = row["low"], row["high"]
    return "" if low is None or high is None else span(100 * low, 100 * high, 1)


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")


FORMATS = {
    function.__name__: function for function in (number, span, percent, percents, points, count)
}
