"""An estimate with its interval."""

from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and the ends of its interval; NaN ends where the data cannot give one."""

    estimate: float
    low: float
    high: float


def within(interval: Interval, low: float, high: float) -> Interval:
    """`interval` with its ends cut at the bounds of what is measured."""
    ends = (min(max(end, low), high) for end in (interval.low, interval.high))
    return Interval(interval.estimate, *ends)


def row(interval: Interval) -> dict[str, float]:
    """`interval` as columns of ESTIMATES: estimate, low, high."""
    return {name: float(value) for name, value in interval._asdict().items()}
