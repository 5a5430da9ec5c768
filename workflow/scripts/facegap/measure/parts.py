"""What accounts for a gap: how much of it goes when two groups of faces are made alike.

Composition and capture are made alike by reweighting where the groups overlap, the crop by cropping
all faces again, closer. In which order is a choice, so each part is its mean over all orders
(Shapley 1953); what is left is the remainder. Nothing of this was assigned: what accounts for a gap
need not cause it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from facegap.groups import group_name
from facegap.statistics.bootstrap import cluster_counts
from facegap.statistics.interval import Interval, row
from facegap.statistics.overlap import effective_share, overlap_weights

Values = NDArray[np.float64]
Row = dict[str, Any]
REWEIGHTED = ("composition", "capture")
ALL, CROP, REMAINDER = "all", "crop", "remainder"
DRAWS = 200  # samples of persons, for a standard error


@dataclass(frozen=True)
class Compared:
    """Two groups of faces, and what the trainings of one model reach on them.

    `other` (n,) says who is in the second group. `right` (trainings, n) is whether each answer is
    right, `closer` the same of the faces cropped again; the accuracy of a group is the mean of
    those of its `strata`, (n,) each. `known` has what is known of the faces, (n, k), by part.
    """

    other: NDArray[np.bool_]
    person: NDArray[np.int64]
    strata: tuple[NDArray[np.bool_], ...]
    right: Values
    closer: Values
    known: Mapping[str, Values]


def parts_of(
    faces: Compared,
    least: float,
    confidence: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
) -> list[Row]:
    """Rows of "overlap" and "part of the gap", `group` without the gap's name.

    The parts that are made alike by weights are those that overlap together with at least the
    share `least` of effective members in either group: composition and capture, else either alone,
    composition first; what does not overlap has no number and is in the remainder.
    """
    once = np.ones((1, len(faces.other)))
    rows: list[Row] = []
    weighted: tuple[str, ...] = ()
    for names in (REWEIGHTED, *((name,) for name in REWEIGHTED)):
        weights = _weights(faces, names, once)[0]
        shares = [effective_share(weights[group]) for group in (~faces.other, faces.other)]
        group = group_name({"made alike": " and ".join(names)})
        rows.append({"quantity": "overlap", "group": group, "estimate": min(shares)})
        if not weighted and min(shares) >= least:
            weighted = names
    counts = cluster_counts(faces.person, rng, draws)
    players = (*weighted, CROP)
    found = _split(faces, players, once, faces.right.mean(0), faces.closer.mean(0))
    again = _split(faces, players, counts, faces.right.mean(0), faces.closer.mean(0))
    each = [
        _split(faces, players, once, right, closer)
        for right, closer in zip(faces.right, faces.closer, strict=True)
    ]
    persons = len(np.unique(faces.person))
    for name in (ALL, *REWEIGHTED, CROP, REMAINDER):
        about: Row = {"quantity": "part of the gap", "group": group_name({"part": name})}
        about |= {"faces": len(faces.other), "persons": persons}
        if name in found:
            trainings = np.array([values[name][0] for values in each])
            about |= _interval(found[name][0], again[name], trainings, persons, confidence)
        rows.append(about)
    return rows


def _interval(
    estimate: float, again: Values, trainings: Values, persons: int, confidence: float
) -> Row:
    """Student's t, with the variance over samples of persons and over trainings."""
    parts = [(float(np.nanvar(again, ddof=1)), persons - 1)]
    if len(trainings) > 1:
        parts.append((float(trainings.var(ddof=1)) / len(trainings), len(trainings) - 1))
    variance = sum(value for value, _ in parts)
    if not variance > 0:
        return {"estimate": estimate}
    freedom = variance**2 / sum(value**2 / of for value, of in parts)
    reach = float(special.stdtrit(freedom, (1 + confidence) / 2)) * variance**0.5
    interval = Interval(estimate, estimate - reach, estimate + reach)
    method = "persons and trainings" if len(trainings) > 1 else "persons"
    return {**row(interval), "standard_error": variance**0.5, "method": method}


def _split(
    faces: Compared, players: Sequence[str], counts: Values, right: Values, closer: Values
) -> dict[str, Values]:
    """The gap (draws,), each part of it by Shapley, and the remainder."""
    gaps: dict[frozenset[str], Values] = {}
    for names in _subsets([name for name in players if name != CROP]):
        weights = counts * _weights(faces, tuple(names), counts)
        gaps[frozenset(names)] = _gap(faces, right, weights)
        gaps[frozenset((*names, CROP))] = _gap(faces, closer, weights)
    found = {}
    count = len(players)
    for name in players:
        rest = [other for other in players if other != name]
        terms = [
            (factorial(len(names)) * factorial(count - 1 - len(names)) / factorial(count))
            * (gaps[frozenset(names)] - gaps[frozenset((*names, name))])
            for names in _subsets(rest)
        ]
        found[name] = np.sum(terms, axis=0)
    return {ALL: gaps[frozenset()], **found, REMAINDER: gaps[frozenset(players)]}


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def _weights(faces: Compared, names: Sequence[str], counts: Values) -> Values:
    """(draws, n), or one where there is nothing to make alike."""
    known = [faces.known[name] for name in names]
    columns = np.hstack(known) if known else np.empty((len(faces.other), 0))
    if not columns.shape[1]:
        return np.ones_like(counts)
    return overlap_weights(columns, faces.other, counts)


def _gap(faces: Compared, right: Values, weights: Values) -> Values:
    """The accuracy of the first group less that of the second (draws,)."""
    means = []
    for group in (~faces.other, faces.other):
        strata = [group & stratum for stratum in faces.strata]
        with np.errstate(invalid="ignore"):  # a sample may have no face of a stratum
            each = [weights[:, of] @ right[of] / weights[:, of].sum(1) for of in strata]
        means.append(np.mean(each, axis=0))
    gap: Values = means[0] - means[1]
    return gap
