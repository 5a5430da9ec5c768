"""The error of rates over trials of two persons, such as false matches, where persons recur.

Two trials that share a person are alike, so the variance of a sum is that of the persons' sums,
less what they count twice: the trials of the same two persons (Fafchamps and Gubert 2007; Aronow,
Samii and Assenova 2015). A bootstrap over persons that weighs a trial with the product of both
counts has the latter three times (Owen 2007), which are most of the variance of a rare event.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Codes = NDArray[np.int64]
Values = NDArray[np.float64]
NOBODY = -1  # the other person of a trial of one alone, such as a false non-match


@dataclass(frozen=True)
class Trials:
    """Of t trials the two persons, numbered from 0, the kind, and whether each is a hit."""

    one: Codes
    other: Codes
    kind: Codes
    hit: NDArray[np.bool_]


@dataclass(frozen=True)
class Spread:
    """How the hits of each kind vary: what the error of anything that is made of them needs.

    `trials` and `residuals` are sums of each person (persons, kinds), `own` (kinds,) has the
    squared sums of each two persons.
    """

    trials: "sparse.csr_array[np.float64]"
    residuals: "sparse.csr_array[np.float64]"
    own: Values

    def error(self, gradient: Values) -> tuple[float, float]:
        """The standard error of what has this `gradient` (kinds,) in the hits, and its freedom.

        Degrees of freedom are Satterthwaite's, each person's squared sum having the variance of
        its square. Persons cannot be less alike than by chance, so what two share alone is the
        least.
        """
        sums = np.asarray(self.residuals @ gradient)
        squares, own = float((sums**2).sum()), float(self.own @ gradient**2)
        fourth = float((sums**4).sum())
        error = max(squares - own, own) ** 0.5
        return error, 2 * squares**2 / fourth if fourth else float("nan")

    def persons(self, kinds: NDArray[np.bool_]) -> float:
        """Kish's effective number of persons in the trials of these `kinds` (kinds,) bool."""
        trials = np.asarray(self.trials @ kinds.astype(float))
        squares = float((trials**2).sum())
        return float(trials.sum()) ** 2 / squares if squares else 0.0


def spread(trials: Trials, persons: int, kinds: int) -> Spread:
    """The spread of hits in `trials`; a residual is the hit less its kind's rate.

    That rate is of the same persons, which takes the residuals nearer to 0: each kind's are
    multiplied by what n / (n - 1) is for independent ones, with Kish's effective persons (n / 4 for
    trials of two, who have two chances each to be in any two trials).
    """
    two = trials.other != NOBODY
    count = np.bincount(trials.kind, minlength=kinds)
    rate = np.bincount(trials.kind, trials.hit, kinds) / np.maximum(count, 1)
    place = (
        np.concatenate([trials.one, trials.other[two]]),
        np.concatenate([trials.kind, trials.kind[two]]),
    )
    shape = (persons, kinds)
    rest = trials.hit - rate[trials.kind]
    each = sparse.csr_array((np.ones(len(place[0])), place), shape=shape)
    sums = sparse.csr_array((np.concatenate([rest, rest[two]]), place), shape=shape)
    squares = np.asarray(each.multiply(each).sum(0), dtype=float)
    alike = squares / np.maximum(count, 1) ** 2  # share of two trials that have a person in common
    factor = 1 / (1 - np.minimum(alike, 0.5))
    own = factor * _own(trials, rest, two, persons, kinds)
    return Spread(each, sparse.csr_array(sums * np.sqrt(factor)), own)


def _own(trials: Trials, rest: Values, two: NDArray[np.bool_], persons: int, kinds: int) -> Values:
    """The squared sums of the residuals of each two persons, by kind (kinds,)."""
    ends = np.sort(np.stack([trials.one[two], trials.other[two]]), 0)
    key = (trials.kind[two] * persons + ends[0]) * persons + ends[1]
    keys, pair = np.unique(key, return_inverse=True)
    sums = np.bincount(pair, rest[two], len(keys))
    own: Values = np.bincount(keys // persons**2, sums**2, kinds).astype(float)
    return own
