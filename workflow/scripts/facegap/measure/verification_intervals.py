"""The intervals of error rates of a recogniser, and of their ratios.

They are symmetric in the logarithm of odds, where rates are least skewed, with the standard error
over persons of facegap/statistics/dyadic.py. The samples alone give intervals that are far too
wide: they count three times what two persons have to themselves, most of the chance of a rare false
match. What is taken from them is how a rate moves with the threshold, which is set again in each,
and the errors of all groups together, each scaled to its standard error, for the ratios of
extremes. `benchmarks/verification.py coverage` measures how often the intervals hold the truth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from facegap.measure.verification_rates import Counts, Values
from facegap.statistics.interval import Interval

Kinds = NDArray[np.bool_]  # of pairs, which are meant: (kinds + groups,)
UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


class LogRatio(NamedTuple):
    """A rate over another, or odds over other odds, as a natural logarithm.

    `error` is the standard error with `freedom` degrees of freedom, `p` of no difference,
    two-sided.
    """

    interval: Interval
    error: float
    freedom: float
    p: float


NO_RATIO = LogRatio(UNKNOWN, float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Part:
    """Errors in pairs of some `kinds`, on the scale on which they are compared.

    That is the logarithm of their rate, or of their `odds`. Half an error more of either keeps it
    finite (Haldane 1956, Anscombe 1956).
    """

    kinds: Kinds
    trials: float
    odds: bool

    def scale(self, hits: Values) -> Values:
        """The values of hits (..., kinds + groups)."""
        total: Values = hits[..., self.kinds].sum(-1)  # not a product: kinds without pairs are NaN
        rest = self.trials - total + 0.5 if self.odds else self.trials + 1 + 0 * total
        return np.asarray(np.log((total + 0.5) / rest), dtype=np.float64)

    def gradient(self, hits: Values) -> Values:
        """What one hit of each kind more adds (kinds + groups,)."""
        total = float(hits[self.kinds].sum())
        slope = 1 / (total + 0.5) + (1 / (self.trials - total + 0.5) if self.odds else 0.0)
        return np.asarray(self.kinds * slope, dtype=np.float64)


class Quantity(NamedTuple):
    """A value, its standard error and degrees of freedom, and its values in the samples."""

    value: float
    error: float
    freedom: float
    samples: Values

    def ends(self, confidence: float) -> tuple[float, float]:
        """Of Student's t interval."""
        reach = float(special.stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.value - reach, self.value + reach


@dataclass(frozen=True)
class Rate:
    """A rate as `most` times the probability of log odds, the quantity's value plus `shift`."""

    quantity: Quantity
    shift: float
    most: float

    def at(self, values: Values) -> Values:
        """The rates at values of the quantity."""
        rates: Values = np.minimum(self.most * special.expit(values + self.shift), 1.0)
        return rates


def part(counts: Counts, kinds: Kinds, *, odds: bool) -> Part:
    """The errors of these kinds."""
    return Part(kinds, float(counts.trials @ kinds), odds)


def quantity(counts: Counts, plus: Part, minus: Part | None = None) -> Quantity:
    """The value of `plus`, less that of `minus`, with its error over persons.

    The threshold is where the pairs that set it have their rate, so with each false match more of
    theirs it moves. How far the value follows is its slope on their rate over the thresholds of the
    samples. The error is NaN where nothing varies.
    """
    pool = part(counts, counts.pool, odds=False)
    stages = (counts.hits, counts.again, counts.moved)
    value, again, moved = (plus.scale(hits) for hits in stages)
    gradient = plus.gradient(counts.hits)
    if minus is not None:
        less = [minus.scale(hits) for hits in stages]
        value, again, moved = value - less[0], again - less[1], moved - less[2]
        gradient = gradient - minus.gradient(counts.hits)
    along = pool.scale(counts.moved) - pool.scale(counts.hits)
    over = float(along @ along)
    slope = float(along @ (moved - value)) / over if over else 0.0
    error, freedom = counts.spread.error(gradient - slope * pool.gradient(counts.hits))
    return Quantity(float(value), error if error > 0 else float("nan"), freedom, again)


def rate(counts: Counts, kinds: Kinds) -> Rate:
    """The rate of errors in pairs of these kinds, on the scale of its interval.

    Of kinds that set the threshold together with others it is their share of the false matches,
    since these are as many as the threshold allows.
    """
    own, others = part(counts, kinds, odds=False), counts.pool & ~kinds
    if (kinds & counts.pool).any() and others.any():
        rest = part(counts, others, odds=False)
        shift = float(np.log((own.trials + 1) / (rest.trials + 1)))
        return Rate(quantity(counts, own, rest), shift, counts.most / own.trials)
    return Rate(quantity(counts, part(counts, kinds, odds=True)), 0.0, 1.0)


def interval(counts: Counts, kinds: Kinds, confidence: float) -> Interval:
    """The interval of the rate of errors in pairs of these kinds; NaN where there are none.

    Without any error, or with nothing else, it ends by the rule of three on the effective number of
    persons (Hanley and Lippman-Hand 1983): what can be said even if all of a person's pairs were
    alike. Of the kinds that the threshold is set on alone, the rate is set and not estimated.
    """
    trials, hits = float(counts.trials @ kinds), float(counts.hits @ kinds)
    if not trials:
        return UNKNOWN
    estimate = hits / trials
    if (kinds == counts.pool).all():
        return Interval(estimate, estimate, max(estimate, counts.most / trials))
    if hits in (0, trials):
        reach = -float(np.log(1 - confidence)) / counts.spread.persons(kinds)
        allowed = counts.most / trials if (kinds & counts.pool).any() else 1.0
        ends = (0.0, min(reach, allowed)) if not hits else (max(1 - reach, 0.0), 1.0)
        return Interval(estimate, *ends)
    scaled = rate(counts, kinds)
    low, high = scaled.at(np.array(scaled.quantity.ends(confidence))).tolist()
    if np.isfinite(scaled.quantity.error):  # a threshold that cuts few pairs leaves a small step
        low, high = min(low, estimate), max(high, estimate)
    return Interval(estimate, low, high)


def log_ratio(
    counts: Counts, own: Kinds, others: Kinds, confidence: float, *, odds: bool
) -> LogRatio:
    """The rate, or the `odds`, of errors in the one kinds of pairs over those in the others.

    Not defined, NaN, where either has no error.
    """
    parts = [part(counts, kinds, odds=odds) for kinds in (own, others)]
    if not all(0 < float(counts.hits @ each.kinds) < each.trials for each in parts):
        return NO_RATIO
    found = quantity(counts, *parts)
    p = 2 * float(special.stdtr(found.freedom, -abs(found.value) / found.error))
    ends = found.ends(confidence)
    return LogRatio(Interval(found.value, *ends), found.error, found.freedom, p)


def extremes(
    counts: Counts,
    groups: Sequence[Kinds],
    confidence: float,
    ratio: Callable[[Values], Values],
) -> Interval:
    """The interval of a ratio of the largest of some rates; `ratio` takes their logarithms.

    Of errors in the rates alone the largest comes out larger, so that a percentile interval lies
    above the truth, and never holds 1 where all are equal. The logarithm of such a ratio is
    subadditive: it cannot be off by more than its own value at the errors (or at these with the
    other sign), which is at most its quantile in the samples. The level is held for any number of
    groups, and exceeded where one is far above all others. NaN where a rate is 0.
    """
    trials = np.array([float(counts.trials @ kinds) for kinds in groups])
    hits = np.array([float(counts.hits @ kinds) for kinds in groups])
    if len(groups) < 2 or not hits.all():
        return UNKNOWN
    errors = np.stack([_errors(counts, kinds, confidence) for kinds in groups], -1)
    known = errors[np.isfinite(errors).all(-1)]
    value = float(ratio(np.log(hits / trials)))
    if not len(known):
        return UNKNOWN._replace(estimate=float(np.exp(value)))
    off = np.maximum(ratio(known), ratio(-known))
    reach = float(np.quantile(off, confidence))
    ends = (max(value - reach, 0.0), value, value + reach)
    low, estimate, high = np.exp(ends).tolist()
    return Interval(estimate, low, high)


def to_smallest(logs: Values) -> Values:
    """The largest over the smallest of rates (..., groups), all as logarithms."""
    ratio: Values = logs.max(-1) - logs.min(-1)
    return ratio


def to_mean(logs: Values) -> Values:
    """The largest over the geometric mean of rates (..., groups), all as logarithms."""
    ratio: Values = logs.max(-1) - logs.mean(-1)
    return ratio


def _errors(counts: Counts, kinds: Kinds, confidence: float) -> Values:
    """How far the logarithm of the rate is off in each sample (samples,).

    They are spread as the error is, and as Student's t at this confidence.
    """
    scaled = rate(counts, kinds)
    found = scaled.quantity
    around = found.samples - found.value
    spread, level = float(np.nanstd(around)), (1 + confidence) / 2
    if spread:
        student = float(special.stdtrit(found.freedom, level) / special.ndtri(level))
        around = around * (student * found.error / spread)
    errors: Values = np.log(scaled.at(found.value + around)) - np.log(
        scaled.at(np.array(found.value))
    )
    return errors
