"""Two groups made alike in what is known of them, where they overlap (Li, Morgan, Zaslavsky 2018).

A member's weight is its chance of being in the other group, by logistic regression. The means of
what the regression knows are then the same in both groups, and nobody counts for more than one.
"""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
STEPS = 15  # of Newton's method
RIDGE = 1.0  # penalty of a squared coefficient, so that groups without overlap have a fit
CERTAIN = 20.0  # log odds, beyond which a chance is no other number
AT_ONCE = 2**24  # numbers of a chunk of samples


def overlap_weights(known: Values, other: NDArray[np.bool_], counts: Values) -> Values:
    """The weights (draws, n) of members of which `known` (n, k) is known, in each of the samples.

    `other` (n,) says who is in the second group, `counts` (draws, n) how often each member is in
    a sample. Columns are brought to one scale; one that is constant does nothing. Without columns
    all weights are one half.
    """
    spread = known.std(0)
    scaled = ((known - known.mean(0)) / np.where(spread > 0, spread, 1))[:, spread > 0]
    design = np.column_stack([np.ones(len(known)), scaled])
    size = max(1, AT_ONCE // design.size)
    parts = [counts[start : start + size] for start in range(0, len(counts), size)]
    chance = np.concatenate([_chances(design, other, part) for part in parts])
    weights: Values = np.where(other, 1 - chance, chance)
    return weights


def effective_share(weights: Values) -> float:
    """How many of the members (n,) of a group are left, as a share: the smaller of two numbers.

    How many of equal weight would say as much (Kish 1965); and how many there are, if one who could
    as well be in either group counts as 1 (twice the weight): where groups are wholly apart the
    weights are all next to nothing, which the first does not see.
    """
    kish = weights.sum() ** 2 / (len(weights) * (weights**2).sum())
    return float(min(kish, 2 * weights.mean()))


def _chances(design: Values, other: NDArray[np.bool_], counts: Values) -> Values:
    """The chance (draws, n) of being in the second group, both of which count alike."""
    sums = [(counts * group).sum(1, keepdims=True) for group in (~other, other)]
    each = counts * np.where(other, 1 / np.maximum(sums[1], 1), 1 / np.maximum(sums[0], 1))
    each *= len(other) / 2
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 1e-9  # the intercept is free
    coefficients = np.zeros((len(counts), design.shape[1]))
    for _ in range(STEPS):
        chance = _logistic(coefficients @ design.T)
        slope = (each * (other - chance)) @ design - coefficients @ penalty
        curve = np.einsum(
            "bn,nk,nl->bkl", each * chance * (1 - chance), design, design, optimize=True
        )
        coefficients += np.linalg.solve(curve + penalty, slope[..., None])[..., 0]
    return _logistic(coefficients @ design.T)


def _logistic(odds: Values) -> Values:
    chance: Values = 1 / (1 + np.exp(-odds.clip(-CERTAIN, CERTAIN)))
    return chance
