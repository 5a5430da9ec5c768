"""False matches and false non-matches at a threshold, and in samples of the persons.

A pair matches where its score lies above the threshold. In a sample every person counts as often
as it was drawn, a genuine pair as its person, an impostor pair as the product of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegap.measure.verification_pairs import Codes, Pairs
from facegap.statistics.bootstrap import resample
from facegap.statistics.dyadic import NOBODY, Spread, Trials, spread

Values = NDArray[np.float64]
EXPECTED = 30  # false matches: fewer tell too little about their rate
HIGHEST = 0.1  # false match rate that a threshold is still set at
ROUNDING = 1e-9  # of sums of weights, relative


@dataclass(frozen=True)
class Scored:
    """Pairs in falling order of their score: `falling` (k,) has the scores with the other sign.

    `one` and `other` (k,) are the persons, numbered from 0; of genuine pairs there is no other.
    """

    falling: NDArray[np.float32]
    one: Codes
    other: Codes
    kind: Codes

    def above(self, threshold: float) -> int:
        """How many pairs have a score above `threshold`: the first ones."""
        return int(np.searchsorted(self.falling, np.float32(-threshold), side="left"))

    def weights(self, counts: Values) -> Values:
        """How often each pair is in a sample that has persons as often as `counts` (persons,)."""
        one_more = np.append(counts, 1.0)  # NOBODY, the last
        weights: Values = one_more[self.one] * one_more[self.other]
        return weights


@dataclass(frozen=True)
class Comparisons:
    """The scores of all pairs; impostors are of `kinds` kinds, of which `pool` set the threshold.

    After these kinds come those of the genuine pairs, one a group.
    """

    impostors: Scored
    genuine: Scored
    persons: int
    kinds: int
    groups: int
    pool: NDArray[np.bool_]

    def hits(self, threshold: float, impostors: Values, genuine: Values) -> Values:
        """Of each kind (kinds + groups,) the weighted false matches or non-matches."""
        above, right = self.impostors.above(threshold), self.genuine.above(threshold)
        return np.concatenate(
            [
                np.bincount(self.impostors.kind[:above], impostors[:above], self.kinds),
                np.bincount(self.genuine.kind[right:], genuine[right:], self.groups),
            ]
        )

    def trials(self, impostors: Values, genuine: Values) -> Values:
        """Of each kind (kinds + groups,) the weighted pairs."""
        return np.concatenate(
            [
                np.bincount(self.impostors.kind, impostors, self.kinds),
                np.bincount(self.genuine.kind, genuine, self.groups),
            ]
        )

    def once(self) -> tuple[Values, Values]:
        """The weights of impostors and of genuine pairs that count each once."""
        return np.ones(len(self.impostors.kind)), np.ones(len(self.genuine.kind))


@dataclass(frozen=True)
class Counts:
    """Errors of each kind at the threshold: `hits` of `trials` (kinds + groups,).

    `again` (samples, kinds + groups) are those of each sample at a threshold of its own, `moved`
    those of the pairs themselves, each once, at the thresholds of the samples. `pool` are the kinds
    that set the threshold, `most` what they may have in all. The last `groups` of the kinds are
    those of the genuine pairs.
    """

    threshold: float
    trials: Values
    hits: Values
    again: Values
    moved: Values
    pool: NDArray[np.bool_]
    most: float
    groups: int
    spread: Spread

    def within(self, groups: Sequence[int], *, genuine: bool) -> NDArray[np.bool_]:
        """The kinds of pairs within these groups (kinds + groups,)."""
        chosen = np.zeros(len(self.trials), dtype=bool)
        first = len(chosen) - self.groups if genuine else 0
        chosen[[first + group for group in groups]] = True
        return chosen


def scored(pairs: Pairs, person: Codes, scores: NDArray[np.float32], *, genuine: bool) -> Scored:
    """`pairs` with their `scores` (k,); `person` (n,) is the number of the person of each face."""
    order = np.argsort(-scores, kind="stable")
    one = person[pairs.one[order]]
    other = np.full_like(one, NOBODY) if genuine else person[pairs.other[order]]
    return Scored(-scores[order], one, other, pairs.kind[order])


def supported_rate(target: float, pairs: float) -> float:
    """The false match rate that a threshold is set at: `target`, or the lowest that is supported.

    That is one of which `EXPECTED` false matches are expected; NaN where it is above `HIGHEST`.
    """
    if target * pairs >= EXPECTED * (1 - ROUNDING):
        return target
    lowest = EXPECTED / pairs if pairs else float("inf")
    return lowest if lowest <= HIGHEST else float("nan")


def counted(compared: Comparisons, rate: float, samples: int, rng: np.random.Generator) -> Counts:
    """Errors at the threshold of this false match `rate`, and in `samples` of the persons.

    A sample's pairs of a kind count together as many as they are: how often their persons were
    drawn is no more than chance of the sampling.
    """
    trials, pool = compared.trials(*compared.once()), _pool(compared)
    rows = np.flatnonzero(pool[compared.impostors.kind])
    falling, kind = compared.impostors.falling[rows], compared.impostors.kind[rows]
    most = rate * len(rows)
    threshold = _threshold(falling, np.ones(len(rows)), most)
    again, moved = np.empty((2, samples, len(trials)))
    for sample in range(samples):
        drawn = resample(compared.persons, rng, 1)[0]
        counts = np.bincount(drawn, minlength=compared.persons).astype(float)
        weights = compared.impostors.weights(counts), compared.genuine.weights(counts)
        with np.errstate(divide="ignore", invalid="ignore"):  # NaN of a kind that nobody is in
            factor = trials / compared.trials(*weights)
            pooled = np.nan_to_num(weights[0][rows] * factor[kind])
            own = _threshold(falling, pooled, most)
            again[sample] = compared.hits(own, *weights) * factor
        moved[sample] = compared.hits(own, *compared.once())
    hits = compared.hits(threshold, *compared.once())
    varied = spread(_trials(compared, threshold), compared.persons, len(trials))
    return Counts(threshold, trials, hits, again, moved, pool, most, compared.groups, varied)


def _pool(compared: Comparisons) -> NDArray[np.bool_]:
    """The kinds that set the threshold, among all of them (kinds + groups,)."""
    return np.append(compared.pool, np.zeros(compared.groups, dtype=bool))


def _threshold(falling: NDArray[np.float32], weights: Values, most: float) -> float:
    """The smallest threshold that pairs with a weight of at most `most` in all lie above."""
    total = np.cumsum(weights)
    first = int(np.searchsorted(total, most * (1 + ROUNDING), side="right"))
    return -float(falling[min(first, len(falling) - 1)])


def _trials(compared: Comparisons, threshold: float) -> Trials:
    """Every pair as a trial, which is a hit where it is an error at the threshold."""
    impostors, genuine = compared.impostors, compared.genuine
    above, right = impostors.above(threshold), genuine.above(threshold)
    return Trials(
        np.concatenate([impostors.one, genuine.one]),
        np.concatenate([impostors.other, genuine.other]),
        np.concatenate([impostors.kind, genuine.kind + compared.kinds]),
        np.concatenate(
            [np.arange(len(impostors.kind)) < above, np.arange(len(genuine.kind)) >= right]
        ),
    )
