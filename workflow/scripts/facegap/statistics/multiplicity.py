"""Several tests at once."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """The p values (n,) adjusted for their number (Holm 1979); a missing one (NaN) is no test."""
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(values))
    order = tests[np.argsort(values[tests])]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def fixed_sequence(p: ArrayLike, level: float) -> int:
    """How many of the tests with p values (n,), in an order fixed before, reject one by one.

    The first that does not reject ends it, so each is made at the whole `level`, and any of them
    is wrong with that probability at most (Maurer et al. 1995; of thresholds: Angelopoulos et al.
    2021, "Learn then test").
    """
    rejects = np.asarray(p, dtype=float) <= level
    return int(len(rejects) if rejects.all() else np.argmin(rejects))
