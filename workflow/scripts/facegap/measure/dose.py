"""Where curves cross: the share of the other side's faces that halves the gap, the target's faces
that reach what the source's do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facegap.statistics.bootstrap import cluster_counts, percentile, resample
from facegap.statistics.interval import Interval
from facegap.statistics.performance import Answers

Values = NDArray[np.float64]
KNOWN = 0.95  # of the samples, at the least, that have a share: else there is no interval


@dataclass(frozen=True)
class Scored:
    """What the trainings of a model reach on faces of one side: `values` (trainings, n), more is
    better, of the `person` (n,). It is judged by the mean of the means over `strata`, (n,) each.
    """

    values: Values
    person: NDArray[np.int64]
    strata: tuple[NDArray[np.bool_], ...]

    @classmethod
    def of(cls, answers: Answers) -> "Scored":
        """Of a classifier, judged by its balanced accuracy."""
        right = ((answers.probability >= 0.5) == answers.inside).astype(float)
        return cls(right, answers.person, (answers.inside, ~answers.inside))


Curve = Mapping[float, tuple[Scored, Scored]]  # by share: on the faces inside, and outside


def halving_share(curves: Sequence[Curve], confidence: float, rng: np.random.Generator) -> Interval:
    """The share of faces outside in training at which the group gap is half of what it is at none.

    The gap is the mean over data sets, a curve each, with the same shares; between shares it is
    taken for a line. The interval is the percentile bootstrap over persons, of each data set, and
    over trainings. NaN where the inside is no better at none to begin with, or half is never
    reached; so the ends, where that is so in more than one of twenty samples.
    """
    shares = np.array(sorted(curves[0]))
    found = np.mean([_gaps(curve, shares, None) for curve in curves], axis=0)
    resampled = np.mean([_gaps(curve, shares, rng) for curve in curves], axis=0)
    # the first place where the gap, with the other sign, reaches half of what it begins with
    once, again = (_crossed(shares, -gaps, -gaps[:, 0] / 2) for gaps in (found, resampled))
    return _interval(float(once[0]), again, confidence)


def break_even(
    curve: Mapping[int, Answers], transferred: Answers, confidence: float, rng: np.random.Generator
) -> Interval:
    """How many of the target's labelled faces reach the balanced accuracy of `transferred`.

    `curve` has the answers by number of training faces, on the same test faces. Linear between the
    numbers' logarithms. The interval is the percentile bootstrap over persons and trainings. NaN
    where the fewest already reach it or the most do not; so the ends, where that is so in more than
    one of twenty samples.
    """
    numbers = np.log(np.array(sorted(curve), dtype=float))
    tested = {number: Scored.of(answers) for number, answers in curve.items()}
    found, again = (
        _crossed(numbers, *_scores(tested, Scored.of(transferred), sampled))
        for sampled in (None, rng)
    )
    return _interval(float(np.exp(found[0])), np.exp(again), confidence)


def _interval(estimate: float, again: Values, confidence: float) -> Interval:
    """From the values `again` in the samples (draws,), if enough of them have one."""
    known = np.isfinite(again).mean() >= KNOWN
    return percentile(estimate, again if known else [], confidence)


def _scores(
    curve: Mapping[int, Scored], transferred: Scored, rng: np.random.Generator | None
) -> tuple[Values, Values]:
    """Balanced accuracy at each number (draws, numbers), and transferred (draws,)."""
    names, person = np.unique(transferred.person, return_inverse=True)
    counts = np.ones((1, len(names))) if rng is None else cluster_counts(names, rng)
    taken = _taken(curve[min(curve)], rng)  # trainings share their faces over the numbers
    scores = [_balanced(curve[number], taken, person, counts) for number in sorted(curve)]
    of_all = _balanced(transferred, _taken(transferred, rng), person, counts)
    return np.stack(scores, axis=1), of_all


def _crossed(numbers: Values, scores: Values, wanted: Values) -> Values:
    """Where each curve (draws, numbers) first reaches what is `wanted` of it (draws,)."""
    reached = scores >= wanted[:, None]
    place = np.maximum(reached.argmax(1), 1)
    each = np.arange(len(scores))
    before, after = scores[each, place - 1], scores[each, place]
    with np.errstate(invalid="ignore", divide="ignore"):
        way = (wanted - before) / (after - before)
    found: Values = numbers[place - 1] + way * (numbers[place] - numbers[place - 1])
    found[reached[:, 0] | ~reached.any(1) | ~np.isfinite(way)] = np.nan
    return found


def _taken(tested: Scored, rng: np.random.Generator | None) -> Values:
    """How much each training counts, (draws, trainings)."""
    trainings = len(tested.values)
    if rng is None:
        return np.full((1, trainings), 1 / trainings)
    return _counts(resample(trainings, rng), trainings) / trainings


def _gaps(curve: Curve, shares: Values, rng: np.random.Generator | None) -> Values:
    """The gap at each share, (1, shares), or with `rng` in samples (draws, shares).

    The faces are those of every share, and so are the trainings: each has its own sample of faces,
    of which those of another share keep what they can.
    """
    inside, outside = curve[float(shares[0])]
    both = np.concatenate([inside.person, outside.person])
    names, person = np.unique(both, return_inverse=True)
    counts = np.ones((1, len(names))) if rng is None else cluster_counts(names, rng)
    apart = np.split(person, [len(inside.person)])
    taken = _taken(inside, rng)
    gaps = []
    for share in shares.tolist():
        one, other = (
            _balanced(side, taken, own, counts)
            for side, own in zip(curve[share], apart, strict=True)
        )
        gaps.append(one - other)
    return np.stack(gaps, axis=1)


def _counts(samples: NDArray[np.int64], count: int) -> Values:
    """How often each of `count` members is in each of the `samples` (draws, count)."""
    found = np.zeros((len(samples), count))
    np.add.at(found, (np.arange(len(samples))[:, None], samples), 1.0)
    return found


def _balanced(side: Scored, taken: Values, person: NDArray[np.int64], counts: Values) -> Values:
    """The mean over strata (draws,) of the trainings `taken`, each `person` (n,), a number below p,
    counting as often as `counts` (draws, p) says.

    Faces are added up by person first: of a weight a face and sample there would be gigabytes.
    """
    parts = []
    for of in side.strata:
        own, persons = person[of], counts.shape[1]
        sums = [np.bincount(own, values[of], persons) for values in side.values]
        reached = np.einsum("dt,dt->d", taken, counts @ np.transpose(sums))
        with np.errstate(invalid="ignore"):  # a sample may have no face of a stratum
            parts.append(reached / (counts @ np.bincount(own, minlength=persons)))
    mean: Values = np.mean(parts, axis=0)
    return mean
