"""The estimator of realism: means of scores over persons and seeds, and gaps between domains.

Plain functions of arrays, for translations of a generator and for simulated ones alike. Every
metric is a mean of values, a row a seed: of single images; of the corrected transfer and of
distances the jackknife's values, a person or group of persons each.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facegap.statistics.absence import equivalence_bound, smallest_detectable
from facegap.statistics.interval import Interval, row, within
from facegap.statistics.multiplicity import holm
from facegap.statistics.performance import (
    Estimate,
    Measured,
    Stratum,
    gap,
    interval_of,
    two_sided_p,
)

Values = NDArray[np.float64]
Row = dict[str, Any]
BOUNDS: Mapping[str, tuple[float, float]] = {
    "attribute transfer": (0.0, 1.0),
    "corrected attribute transfer": (0.0, 1.0),
    "identity preservation": (-1.0, 1.0),
    "perceptual distance": (0.0, np.inf),
    "reconstruction error": (0.0, np.inf),
    "FID": (0.0, np.inf),
    "classifier Frechet distance": (0.0, np.inf),
}  # other metrics have none


@dataclass(frozen=True)
class Scores:
    """A metric of one domain: `values` (seeds, n), of the person (or group of them) `person` (n,).

    The seeds' values are of the same faces. `faces` and `persons` are how many it rests on.
    """

    values: Values
    person: NDArray[np.int64]
    faces: int
    persons: int


def image_scores(values: ArrayLike, persons: ArrayLike, faces: ArrayLike) -> Scores:
    """Of single images: `values` (seeds, n), their `persons` and `faces` (n,)."""
    names, person = np.unique(np.asarray(persons), return_inverse=True)
    of = np.atleast_2d(np.asarray(values, dtype=float))
    return Scores(of, person, len(np.unique(np.asarray(faces))), len(names))


def realism(metric: str, of: Scores, confidence: float) -> Row:
    """The mean over images and seeds, as columns of ESTIMATES.

    Student's t; the error accounts for persons and, of several seeds, these. Cut at the metric's
    bounds.
    """
    found = interval_of(_measured(of), confidence)
    bounds = BOUNDS.get(metric, (-np.inf, np.inf))
    cut = within(found.interval, *bounds)
    estimate = float(np.clip(cut.estimate, *bounds))
    return {
        **row(Interval(estimate, cut.low, cut.high)),
        "standard_error": found.error,
        "persons": of.persons,
        "faces": of.faces,
        "method": found.method,
    }


def realism_gap(inside: Scores, outside: Scores, confidence: float) -> Row:
    """Out-domain less in-domain of the same seeds, as columns of ESTIMATES: paired by seed.

    Student's t with the variance over the persons of either domain and over seeds; p of no gap by
    the test that the interval inverts; neither where nothing varies. No domain is cut before.
    """
    found = interval_of(gap(_measured(outside), _measured(inside)), confidence)
    persons = min(inside.persons, outside.persons)
    return _difference(found, persons, min(inside.faces, outside.faces), confidence)


def mean_difference(of: Scores, confidence: float) -> Row:
    """The mean of values that are differences, as columns of ESTIMATES; as `realism_gap`."""
    return _difference(interval_of(_measured(of), confidence), of.persons, of.faces, confidence)


def _difference(found: Estimate, persons: int, faces: int, confidence: float) -> Row:
    about: Row = {**row(found.interval), "persons": persons, "faces": faces}
    if not found.error > 0:
        return {**about, "low": None, "high": None}
    return {
        **about,
        "standard_error": found.error,
        "method": found.method,
        "p": two_sided_p(found),
        "smallest_detectable_effect": smallest_detectable(found.error, found.freedom, confidence),
        "equivalence_bound": equivalence_bound(
            found.interval.estimate, found.error, found.freedom, confidence
        ),
    }


def null_gaps(of: Scores, halves: NDArray[np.bool_]) -> Values:
    """The gaps (splits,) between halves of one domain's persons: `halves` (splits, persons)."""
    sums = np.bincount(of.person, of.values.mean(0))
    sizes = np.bincount(of.person).astype(float)
    first, second = ((side @ sums) / (side @ sizes) for side in (halves, ~halves))
    gaps: Values = second - first
    return gaps


def random_halves(persons: int, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """`count` random splits of `persons`, the first half True: (count, persons).

    Of an odd number one half has one person more.
    """
    ranks = rng.random((count, persons)).argsort(1).argsort(1)
    halves: NDArray[np.bool_] = ranks < persons // 2
    return halves


def central(gaps: ArrayLike, confidence: float) -> Row:
    """The central share of `gaps` (n,) between halves, and their mean, as columns of ESTIMATES."""
    known = np.asarray(gaps, dtype=float)
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return row(Interval(float(known.mean()), float(low), float(high)))


def adjusted(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, each with its p adjusted for the others of its family (Holm)."""
    for family in dict.fromkeys(each["family"] for each in rows):
        own = [each for each in rows if each["family"] == family]
        for each, p in zip(own, holm([_p(each) for each in own]), strict=True):
            yield {**each, "adjusted_p": None if np.isnan(p) else float(p)}


def _p(of: Row) -> float:
    return float("nan") if of.get("p") is None else float(of["p"])


def _measured(of: Scores) -> Measured:
    return Measured((Stratum((of.values,), of.person, 1.0, 1.0),), (of.values.mean(1),))
