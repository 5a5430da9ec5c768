"""How well a face recogniser tells persons apart, by group: false matches and false non-matches.

Demographic differentials as NIST reports them (Grother, Ngan and Hanaoka 2019, NISTIR 8280; Grother
2022, NISTIR 8429): both error rates of each group at one threshold, their ratios, and DET curves.
Intervals are over persons, and hold the chance of the threshold itself, by a bootstrap that sets it
again in each sample: facegap/measure/verification_intervals.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegap.errors import ConfigError, DataError, listed
from facegap.measure.verification_intervals import (
    NO_RATIO,
    UNKNOWN,
    LogRatio,
    extremes,
    interval,
    log_ratio,
    to_mean,
    to_smallest,
)
from facegap.measure.verification_pairs import (
    Codes,
    Faces,
    Vectors,
    cosines,
    genuine_pairs,
    impostor_pairs,
    kinds_of_impostors,
    unit,
)
from facegap.measure.verification_rates import (
    Comparisons,
    Counts,
    Scored,
    Values,
    counted,
    scored,
    supported_rate,
)
from facegap.statistics.interval import Interval

ALL = "all"  # the groups that the threshold is set on
FEW = 10  # groups: of more, not every two have a row
POINTS = 200  # of a DET curve
FMR, FNMR = "FMR", "FNMR"


@dataclass(frozen=True)
class VerificationPlan:
    """What is compared: at most `pairs` impostor pairs, and as many genuine ones.

    The threshold has the `false_match_rate` on the group `set_on`, or on "all" of them.
    """

    pairs: int = 1_000_000
    false_match_rate: float = 1e-3
    set_on: str = ALL
    samples: int = 200
    confidence: float = 0.95


@dataclass(frozen=True)
class OfGroup:
    """The errors of one group: impostor pairs of two of its persons, genuine pairs of one.

    The others are the pairs within each of the other groups, together.
    """

    name: str
    faces: int
    persons: int
    genuine: int
    impostors: int
    fmr: Interval
    fnmr: Interval
    fmr_to_others: LogRatio
    fnmr_to_others: LogRatio


@dataclass(frozen=True)
class Across:
    """False matches of two groups, one face of each; `groups` is empty of every two together."""

    groups: tuple[str, ...]
    impostors: int
    fmr: Interval


@dataclass(frozen=True)
class Ratios:
    """Of the rates of all groups that have one: the largest to the smallest, to their mean.

    The mean is geometric (NIST's). Not defined, NaN, where a group has no error.
    """

    metric: str
    to_smallest: Interval
    to_mean: Interval


@dataclass(frozen=True)
class Curve:
    """The detection error trade-off of a group: up to `POINTS` thresholds, highest first."""

    name: str
    threshold: Values
    fmr: Values
    fnmr: Values


@dataclass(frozen=True)
class Verified:
    """What is known of a recogniser; a pair matches where its score is above `threshold`.

    `rate` is the false match rate that the threshold is set at, `supported` whether it is the one
    that was asked for. Both are NaN where there are too few pairs for any, and so are all rates.
    """

    threshold: float
    rate: float
    supported: bool
    groups: tuple[OfGroup, ...]
    across: tuple[Across, ...]
    ratios: tuple[Ratios, ...]
    curves: tuple[Curve, ...]


def verify(
    vectors: Vectors,
    person: Codes,
    group: Codes,
    alike: Codes,
    names: Sequence[str],
    plan: VerificationPlan,
    rng: np.random.Generator,
) -> Verified:
    """Both error rates by group, of embeddings (n, d) float32 of n faces.

    `person` (n,) may be any numbers, `group` (n,) are codes into `names`, `alike` (n,) is what both
    faces of an impostor pair share; -1, not known: in none. Raises `DataError` at an embedding
    without a direction, `ConfigError` at a group to set the threshold on that is none.
    """
    faces = Faces(person, group, alike)
    compared = _compared(vectors, faces, names, plan, rng)
    trials = compared.trials(*compared.once())
    pairs = float(trials[: compared.kinds][compared.pool].sum())
    rate = supported_rate(plan.false_match_rate, pairs)
    counts, confidence = None, plan.confidence
    if np.isfinite(rate):
        counts = counted(compared, rate, plan.samples, rng)
    return Verified(
        counts.threshold if counts else float("nan"),
        rate,
        rate == plan.false_match_rate,
        tuple(_groups(counts, faces, names, trials, confidence)),
        tuple(_across(counts, names, trials, confidence)),
        tuple(_ratios(counts, confidence, genuine=genuine) for genuine in (False, True)),
        tuple(_curve(compared, code, name) for code, name in enumerate(names)),
    )


def _compared(
    vectors: Vectors,
    faces: Faces,
    names: Sequence[str],
    plan: VerificationPlan,
    rng: np.random.Generator,
) -> Comparisons:
    """The pairs and their scores."""
    if plan.set_on not in (ALL, *names):
        raise ConfigError(f"set_on: no group {plan.set_on}; take all or one of {listed(names)}")
    wrong = np.flatnonzero((faces.group < 0) | (faces.group >= len(names)))
    if len(wrong):
        raise DataError(f"faces: row {wrong[0]} is in no group; leave it out")
    scaled, groups = unit(vectors), len(names)
    genuine = genuine_pairs(faces, groups, plan.pairs, rng)
    impostors = impostor_pairs(faces, groups, plan.pairs, rng)
    persons, person = np.unique(faces.person, return_inverse=True)
    pool = np.zeros(len(kinds_of_impostors(groups)), dtype=bool)
    pool[slice(groups) if plan.set_on == ALL else list(names).index(plan.set_on)] = True
    return Comparisons(
        scored(impostors, person, cosines(scaled, impostors), genuine=False),
        scored(genuine, person, cosines(scaled, genuine), genuine=True),
        len(persons),
        len(pool),
        groups,
        pool,
    )


def _groups(
    counts: Counts | None, faces: Faces, names: Sequence[str], trials: Values, confidence: float
) -> Iterator[OfGroup]:
    """The errors of each group; `trials` are the pairs of each kind."""
    for group, name in enumerate(names):
        own = faces.group == group
        yield OfGroup(
            name,
            int(own.sum()),
            len(np.unique(faces.person[own])),
            int(trials[group - len(names)]),
            int(trials[group]),
            _rate(counts, group, confidence, genuine=False),
            _rate(counts, group, confidence, genuine=True),
            _to_others(counts, group, confidence, genuine=False),
            _to_others(counts, group, confidence, genuine=True),
        )


def _rate(counts: Counts | None, group: int, confidence: float, *, genuine: bool) -> Interval:
    """The false non-match rate of a group, of `genuine` pairs, or the false match rate."""
    if counts is None:
        return UNKNOWN
    return interval(counts, counts.within([group], genuine=genuine), confidence)


def _to_others(counts: Counts | None, group: int, confidence: float, *, genuine: bool) -> LogRatio:
    """Either rate of a group beside that of all others together."""
    if counts is None:
        return NO_RATIO
    others = [other for other in range(counts.groups) if other != group]
    own = counts.within([group], genuine=genuine)
    rest = counts.within(others, genuine=genuine)
    return log_ratio(counts, own, rest, confidence, odds=genuine)


def _across(
    counts: Counts | None, names: Sequence[str], trials: Values, confidence: float
) -> Iterator[Across]:
    """False matches of every two groups together, and of each two if there are three to `FEW`."""
    kinds = kinds_of_impostors(len(names))
    apart = range(len(names), len(kinds))
    if not apart:
        return
    each = [[kind] for kind in apart] if 2 < len(names) <= FEW else []
    for chosen in [apart, *each]:
        which = np.isin(np.arange(len(trials)), chosen)
        groups = () if chosen is apart else tuple(names[code] for code in kinds[chosen[0]])
        fmr = interval(counts, which, confidence) if counts else UNKNOWN
        yield Across(groups, int(trials @ which), fmr)


def _ratios(counts: Counts | None, confidence: float, *, genuine: bool) -> Ratios:
    """Ratios of the rates of the groups that have any pairs."""
    metric = FNMR if genuine else FMR
    if counts is None:
        return Ratios(metric, UNKNOWN, UNKNOWN)
    kinds = [counts.within([group], genuine=genuine) for group in range(counts.groups)]
    kinds = [each for each in kinds if counts.trials @ each]
    found = [extremes(counts, kinds, confidence, ratio) for ratio in (to_smallest, to_mean)]
    return Ratios(metric, *found)


def _curve(compared: Comparisons, group: int, name: str) -> Curve:
    """Both error rates where the false matches are evenly spaced as logarithms, and at none."""
    impostors = _scores(compared.impostors, group)
    genuine = _scores(compared.genuine, group)
    if not len(impostors) or not len(genuine):
        return Curve(name, *np.empty((3, 0)))
    steps = np.geomspace(1, len(impostors), POINTS - 1)
    ranks = np.unique(np.append(np.floor(steps[:-1]), [0, len(impostors) - 1])).astype(int)
    threshold = np.unique(impostors[ranks])  # rising in the negative score: highest first
    fmr = np.searchsorted(impostors, threshold, side="left") / len(impostors)
    fnmr = 1 - np.searchsorted(genuine, threshold, side="left") / len(genuine)
    return Curve(name, -threshold.astype(np.float64), fmr, fnmr)


def _scores(pairs: Scored, kind: int) -> NDArray[np.float32]:
    """The scores of the pairs of one kind, with the other sign, rising."""
    scores: NDArray[np.float32] = pairs.falling[pairs.kind == kind]
    return scores
