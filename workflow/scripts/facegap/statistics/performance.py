"""Metrics of a classifier, their differences, and what these vary by: persons and trainings.

A metric is a weighted sum of means over strata of faces, so its variance over persons is that of
means of whole persons (Taylor linearisation; of the AUROC DeLong, DeLong and Clarke-Pearson 1988,
with Obuchowski's clusters, 1997). Persons and trainings are crossed: the variance of a mean over
both is that over persons plus that over trainings less their interaction's, which is in either
(Cornfield and Tukey 1956); the degrees of freedom are Satterthwaite's (1946). An estimate is
conditional on the training faces.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from facegap.statistics.interval import Interval

Values = NDArray[np.float64]
SHARE = ((0.0, 1.0), (1.0, 1.0))  # persons more, as (value, weight): Agresti and Caffo (2000)
UNSEEN = 1.96**2  # wrong persons, of many, that Wilson's interval (1927) reaches where none is
TRAININGS, PERSONS = "persons and trainings", "persons"  # what an interval holds


@dataclass(frozen=True)
class Answers:
    """What the trainings of one model answer on one test part.

    `inside` (n,) bool and `person` (n,) of each face; `probability` of inside (trainings, n).
    """

    inside: NDArray[np.bool_]
    person: NDArray[np.int64]
    probability: Values


@dataclass(frozen=True)
class Stratum:
    """Faces whose mean goes into the estimate times `share`.

    `sets` has the values of each set of trainings, (trainings, n); the estimate is their sum.
    `weight` is the factor of the mean in the linearised estimate. The persons of `extra` are
    counted in the variance alone. In a difference they would make intervals hold the truth too
    often (docs/calibration.md). Persons vary as if at `least` so many of them were wrong, or right
    by one model alone; those of a share (`is_share`) as far as Wilson's interval reaches where all
    answers are right: that none was seen wrong does not say that none is. Trainings that do not err
    alike show more than one does, and their intervals hold without that.
    """

    sets: tuple[Values, ...]
    person: NDArray[np.int64]
    share: float
    weight: float
    extra: tuple[tuple[float, float], ...] = ()
    least: float = 0.0
    is_share: bool = False
    freedom: float | None = None  # degrees of freedom, where they are not one less than persons

    def in_difference(self) -> "Stratum":
        """As a part of a difference."""
        return replace(self, extra=(), least=1.0, is_share=True) if self.extra else self

    def wrong_at_least(self) -> float:
        """So many wrong persons would make the least variance."""
        persons = len(np.unique(self.person))
        first, *more = self.sets
        if more or not (self.is_share or self.extra) or (first != first[0]).any():
            return self.least
        return UNSEEN * persons * (persons - 1) / (persons + UNSEEN) ** 2

    def mean(self) -> float:
        """Over faces and trainings."""
        return float(sum(values.mean() for values in self.sets))

    def variance(self) -> tuple[float, float]:
        """Of the weighted mean, over persons, and its degrees of freedom; NaN of one person."""
        values = sum(each.mean(0) for each in self.sets)
        _, person, faces = np.unique(self.person, return_inverse=True, return_counts=True)
        size, mean, count = float(faces.mean()), self.mean(), float(len(faces))
        squares = float((np.bincount(person, values - mean) ** 2).sum())
        squares += sum(weight * (size * (value - mean)) ** 2 for value, weight in self.extra)
        count += sum(weight for _, weight in self.extra)
        persons = len(faces)
        if persons < 2:
            return float("nan"), 0
        least = self.wrong_at_least() / (persons * (persons - 1))
        of_mean = max(count / (count - 1) * squares / (count * size) ** 2, least)
        freedom = persons - 1 if self.freedom is None else self.freedom
        return self.weight**2 * of_mean, freedom

    def interaction(self, which: int) -> float:
        """Of the weighted mean, by what persons and the trainings of one set have together."""
        values = self.sets[which]
        trainings, faces = values.shape
        _, person = np.unique(self.person, return_inverse=True)
        centred = values - values.mean(1, keepdims=True)
        sums = np.stack([np.bincount(person, each) for each in centred - centred.mean(0)])
        spread = float((sums**2).sum()) / (trainings * (trainings - 1))
        of_mean: float = spread / faces**2
        return self.weight**2 * of_mean


@dataclass(frozen=True)
class Measured:
    """A metric or a difference of metrics, before its interval.

    `trainings` has its value of each training, (trainings,), for each set of them.
    """

    strata: tuple[Stratum, ...]
    trainings: tuple[Values, ...]

    @property
    def estimate(self) -> float:
        """The mean over trainings."""
        return sum(stratum.share * stratum.mean() for stratum in self.strata)

    def of_trainings(self) -> list[tuple[float, float]]:
        """What each set of several trainings adds to the variance, and its degrees of freedom."""
        found: list[tuple[float, float]] = []
        for which, values in enumerate(self.trainings):
            if len(values) > 1:
                both = sum(stratum.interaction(which) for stratum in self.strata)
                alone = float(values.var(ddof=1)) / len(values) - both
                found.append((max(alone, 0.0), len(values) - 1))
        return found


class Estimate(NamedTuple):
    """An interval, the standard error and degrees of freedom it comes from, and what it holds."""

    interval: Interval
    error: float
    freedom: float
    method: str


def gap(one: Measured, other: Measured) -> Measured:
    """`one` less `other`: the same trainings on different persons."""
    differences = (a - b for a, b in zip(one.trainings, other.trainings, strict=True))
    strata = (stratum.in_difference() for stratum in (*one.strata, *negated(other).strata))
    return Measured(tuple(strata), tuple(differences))


def paired(one: Measured, other: Measured) -> Measured:
    """`one` less `other`: different trainings on the same faces, in the same order."""
    strata = (
        replace(
            a.in_difference(),
            sets=(*a.sets, *(-values for values in b.sets)),
            least=max(part.in_difference().least for part in (a, b)),
        )
        for a, b in zip(one.strata, other.strata, strict=True)
    )
    return Measured(tuple(strata), (*one.trainings, *(-each for each in other.trainings)))


def negated(measured: Measured) -> Measured:
    """With the other sign."""
    return scaled(measured, -1.0)


def scaled(measured: Measured, factor: float) -> Measured:
    """Times `factor`."""
    strata = (
        replace(part, share=factor * part.share, weight=factor * part.weight)
        for part in measured.strata
    )
    return Measured(tuple(strata), tuple(factor * values for values in measured.trainings))


def added(one: Measured, other: Measured) -> Measured:
    """`one` and `other`: other trainings on other persons."""
    strata = (
        *(replace(part, sets=(*part.sets, *_nothing(part, other))) for part in one.strata),
        *(replace(part, sets=(*_nothing(part, one), *part.sets)) for part in other.strata),
    )
    return Measured(strata, (*one.trainings, *other.trainings))


def _nothing(part: Stratum, other: Measured) -> tuple[Values, ...]:
    """What the trainings of `other`, which did not answer on these faces, add."""
    return tuple(np.zeros((len(values), len(part.person))) for values in other.trainings)


def log_odds(measured: Measured) -> Measured:
    """The logarithm of the odds of a share, linearised where it is (the delta method).

    Half a face more of either kind keeps it finite where all answers are right or wrong (Haldane
    1956, Anscombe 1956); the persons vary at least as much as there, which is by 2.
    """
    faces = sum(len(part.person) for part in measured.strata)
    share = (measured.estimate * faces + 0.5) / (faces + 1)
    slope = 1 / (share * (1 - share))

    def of(values: Values) -> Values:
        found: Values = special.logit(share) + slope * (values - measured.estimate)
        return found

    strata = (
        replace(part, sets=tuple(map(of, part.sets)), extra=(), is_share=False, least=slope**2 / 4)
        for part in measured.strata
    )
    return Measured(tuple(strata), tuple(map(of, measured.trainings)))


def clustered(measured: Measured) -> Measured:
    """With one stratum for all, if a person stands in two of them: strata are not independent then.

    Its values are those whose mean is the estimate and whose variance over whole persons is that
    of its linearisation, with each stratum's own correction for few persons; the degrees of freedom
    are Satterthwaite's of the strata.
    """
    every = [np.unique(part.person) for part in measured.strata]
    if len(np.unique(np.concatenate(every))) == sum(map(len, every)):
        return measured
    strata = [part.in_difference() for part in measured.strata]
    persons = len(np.unique(np.concatenate(every)))
    faces = sum(len(part.person) for part in strata)
    sets = tuple(
        np.concatenate([_spread(part, which, faces, persons) for part in strata], axis=1)
        + sum(part.share * part.sets[which].mean() for part in strata)
        for which in range(len(measured.trainings))
    )
    least = sum(
        part.wrong_at_least() * (part.weight * persons / len(own)) ** 2
        for part, own in zip(strata, every, strict=True)
    )
    apart = [part.variance() for part in strata]
    below = sum(value**2 / max(freedom, 1) for value, freedom in apart)
    freedom = sum(value for value, _ in apart) ** 2 / below if below > 0 else None
    person = np.concatenate([part.person for part in strata])
    one = Stratum(sets, person, 1.0, 1.0, least=least, freedom=freedom)
    return Measured((one,), measured.trainings)


def _spread(part: Stratum, which: int, faces: int, persons: int) -> Values:
    """What each face, of `faces` of `persons`, moves the linearised estimate by."""
    values, own = part.sets[which], len(np.unique(part.person))
    few = (own / max(own - 1, 1) * (persons - 1) / persons) ** 0.5
    factor = few * part.weight * faces / len(part.person)
    spread: Values = factor * (values - values.mean())
    return spread


def interval_of(measured: Measured, confidence: float) -> Estimate:
    """Student's t interval; of one training it holds the persons alone.

    The ends are NaN where there is one person, or nothing varies.
    """
    trained = measured.of_trainings()
    parts = [*(stratum.variance() for stratum in measured.strata), *trained]
    variance = sum(value for value, _ in parts)
    below = sum(value**2 / max(freedom, 1) for value, freedom in parts)
    freedom = variance**2 / below if below > 0 else float("nan")
    error = variance**0.5 if below > 0 else float("nan")
    reach = float(special.stdtrit(freedom, (1 + confidence) / 2)) * error
    estimate = measured.estimate
    method = TRAININGS if len(trained) == len(measured.trainings) else PERSONS
    interval = Interval(estimate, estimate - reach, estimate + reach)
    return Estimate(interval, error, freedom, method)


def on_logits(estimate: Estimate, confidence: float) -> Estimate:
    """The interval of a value between 0 and 1, symmetric in its logit (delta method).

    Near 0 or 1 the values of few samples are skewed, and a symmetric interval misses the truth on
    one side.
    """
    value, error, freedom = estimate.interval.estimate, estimate.error, estimate.freedom
    if not (error > 0 and 0 < value < 1):
        return estimate
    reach = float(special.stdtrit(freedom, (1 + confidence) / 2)) * error / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-reach, reach])).tolist()
    return estimate._replace(interval=Interval(value, low, high))


def two_sided_p(estimate: Estimate) -> float:
    """Of no difference, by the test that the interval inverts."""
    return float(
        2 * special.stdtr(estimate.freedom, -abs(estimate.interval.estimate) / estimate.error)
    )


def accuracy(answers: Answers) -> Measured:
    """Share of the faces that are right."""
    return _mean(_right(answers), answers.person, SHARE)


def balanced_accuracy(answers: Answers) -> Measured:
    """Mean of the shares of the faces inside and of those outside that are right."""
    return _of_sides(answers, _right(answers), (0.5, 0.5), (0.5, 0.5))


def sided_gap(answers: Answers) -> Measured:
    """Sensitivity less specificity: how much more often faces inside are right."""
    measured = _of_sides(answers, _right(answers), (1.0, -1.0), (1.0, -1.0))
    return replace(measured, strata=tuple(part.in_difference() for part in measured.strata))


def auroc(answers: Answers) -> Measured:
    """The chance that a face inside gets more than one outside; ties count one half."""
    inside, placement = answers.inside, np.empty_like(answers.probability)
    for own, p in zip(placement, answers.probability, strict=True):
        for side in (inside, ~inside):
            others = np.sort(p[~side])
            below = [np.searchsorted(others, p[side], which) for which in ("left", "right")]
            own[side] = sum(below) / (2 * max(len(others), 1))
        own[~inside] = 1 - own[~inside]
    return _of_sides(answers, placement, (0.5, 0.5), (1.0, 1.0), ())


def brier(answers: Answers) -> Measured:
    """Mean squared difference of the probability and the side (Brier 1950): less is better."""
    return _mean((answers.probability - answers.inside) ** 2, answers.person, ())


METRICS: dict[str, Callable[[Answers], Measured]] = {
    "balanced accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "AUROC": auroc,
    "Brier score": brier,
}
LESS_IS_BETTER = ("Brier score",)
SKEWED = ("AUROC", "Brier score")  # on one side, so that the logit's interval is better


def _right(answers: Answers) -> Values:
    right: Values = ((answers.probability >= 0.5) == answers.inside).astype(float)
    return right


def _mean(
    values: Values, person: NDArray[np.int64], extra: tuple[tuple[float, float], ...]
) -> Measured:
    return Measured((Stratum((values,), person, 1.0, 1.0, extra),), (values.mean(1),))


def _of_sides(
    answers: Answers,
    values: Values,
    shares: tuple[float, float],
    weights: tuple[float, float],
    extra: tuple[tuple[float, float], ...] = SHARE,
) -> Measured:
    sides = (answers.inside, ~answers.inside)
    strata = tuple(
        Stratum((values[:, side],), answers.person[side], share, weight, extra)
        for side, share, weight in zip(sides, shares, weights, strict=True)
    )
    each = sum(share * values[:, side].mean(1) for side, share in zip(sides, shares, strict=True))
    return Measured(strata, (np.asarray(each),))
