"""Means of independent values."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from facegap.statistics.interval import Interval


def student(values: ArrayLike, confidence: float) -> Interval:
    """Student's t interval of the mean of `values` (n,) (Student 1908); NaN ends when n < 2."""
    sample = np.asarray(values, dtype=float)
    if len(sample) < 2:
        return Interval(float(sample.mean()) if len(sample) else float("nan"), *[float("nan")] * 2)
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / len(sample) ** 0.5
    reach = float(special.stdtrit(len(sample) - 1, (1 + confidence) / 2)) * error
    return Interval(mean, mean - reach, mean + reach)
