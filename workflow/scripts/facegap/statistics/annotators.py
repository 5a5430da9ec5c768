"""Every annotator's errors, of answers alone: Dawid and Skene's model (1979).

Given what an item is, its answers are independent, and an annotator gives each with a probability
of their own. Three answers an item tell the errors; two do not, unless what some items are is
known. Sums over items are all that it takes, so items that were answered alike are one, with a
weight.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from facegap.statistics.interval import Interval

Values = NDArray[np.float64]
STEPS = 20_000  # of the algorithm, at most
CLOSE = 1e-9  # what no probability moves by at its end
TINY = 1e-300
NUDGE = 1e-4  # log odds by which the scores' slopes are taken
FEWEST = 3  # annotators
LEAST = 2.0  # errors that are estimated of fewer leave no interval: the bound at 0 is too near


class Fitted(NamedTuple):
    """The estimates.

    `shares` (k,) of items that are of each kind, `confusion` (annotators, k, k), rows: of an item
    of the row's kind each answer's probability; `member` (items, k), how probably an item is of
    each kind.
    """

    shares: Values
    confusion: Values
    member: Values


def dawid_skene(counts: Values, weights: Values, known: NDArray[np.int64] | None = None) -> Fitted:
    """Maximum likelihood by expectation and maximisation, from the answers' shares on.

    `counts` (items, annotators, k) has how often who gave which answer, all 0 where none was given;
    `weights` (items,) how many such items there are; `known` (items,) of which kind an item is, -1
    where that is not known.
    """
    known = np.full(len(counts), -1) if known is None else known
    answers = counts.sum(1)
    member = _certain(answers / answers.sum(1, keepdims=True), known)
    for _ in range(STEPS):
        new = _members(counts, *_maximised(counts, weights, member), known)
        moved, member = np.abs(new - member).max(), new
        if moved < CLOSE:
            break
    return Fitted(*_maximised(counts, weights, member), member)


def _members(counts: Values, shares: Values, confusion: Values, known: NDArray[np.int64]) -> Values:
    """How probably each item is of each kind."""
    odds = np.einsum("pal,atl->pt", counts, np.log(confusion + TINY)) + np.log(shares + TINY)
    return _certain(special.softmax(odds, axis=-1), known)


def _certain(member: Values, known: NDArray[np.int64]) -> Values:
    member[known >= 0] = np.eye(member.shape[1])[known[known >= 0]]
    return member


def _maximised(counts: Values, weights: Values, member: Values) -> tuple[Values, Values]:
    """The shares and the confusion that are likeliest where items are so probably of each kind."""
    expected = weights[:, None] * member
    total = expected.sum(0)
    given = np.einsum("pt,pal->atl", expected, counts)
    answers = given.sum(-1, keepdims=True)
    return total / total.sum(), given / np.maximum(answers, TINY)


def errors(
    answers: NDArray[np.int64],
    persons: NDArray[np.str_],
    confidence: float,
    known: NDArray[np.int64] | None = None,
) -> list[tuple[Interval, Interval]]:
    """How often each annotator is wrong on items of kind 0, and of kind 1.

    `answers` (items, annotators) are 0 or 1, -1 where none was given; `known` (items,) what an item
    is, -1 where that is not known. The intervals are normal ones of the log odds; their errors are
    the sandwich's (White 1982), by whole `persons` (items,), which is what a bootstrap of persons
    comes to. Missing where fewer than two errors are estimated. Raises `ValueError` of fewer than
    three annotators without known items.
    """
    known = np.full(len(answers), -1) if known is None else known
    if answers.shape[1] < FEWEST and not (known >= 0).any():
        raise ValueError(f"{answers.shape[1]} annotators tell nobody's errors, {FEWEST} do")
    used = (answers >= 0).any(1)
    rows = np.column_stack([answers, known])[used]
    alike, pattern = np.unique(rows, axis=0, return_inverse=True)
    pattern, known = pattern.ravel(), alike[:, -1]
    counts = np.stack([alike[:, :-1] == answer for answer in (0, 1)], axis=2).astype(float)
    weights = np.bincount(pattern).astype(float)
    fitted = dawid_skene(counts, weights, known)
    wrong = np.stack([fitted.confusion[:, 0, 1], fitted.confusion[:, 1, 0]], axis=1)
    asked = np.einsum("p,pt,pa->at", weights, fitted.member, counts.sum(2))  # items of each kind
    inner = (wrong * asked >= LEAST) & ((1 - wrong) * asked >= LEAST)
    found = np.full(inner.shape, np.nan)
    who = np.unique(persons[used], return_inverse=True)[1].ravel()
    found[inner] = _standard_errors(counts, weights, known, fitted, inner, (who, pattern))
    reach = special.ndtri((1 + confidence) / 2) * found
    middle = special.logit(np.where(inner, wrong, 0.5))
    low, high = special.expit(middle - reach), special.expit(middle + reach)
    intervals = [
        [Interval(*map(float, each)) for each in zip(*ends, strict=True)]
        for ends in zip(wrong, low, high, strict=True)
    ]
    return [(first, second) for first, second in intervals]


def _standard_errors(
    counts: Values,
    weights: Values,
    known: NDArray[np.int64],
    fitted: Fitted,
    inner: NDArray[np.bool_],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Values:
    """Of the log odds of the `inner` errors (annotators, 2); `places` are items' persons and rows.

    Errors that are no `inner` ones stay where they are estimated, at 0 or 1.
    """
    fixed = np.stack([fitted.confusion[:, 0, 1], fitted.confusion[:, 1, 0]], axis=1)

    def scores(odds: Values) -> Values:
        """Slopes of the log likelihood of each row by the log odds, the share's first."""
        share, wrong = special.expit(odds[0]), fixed.copy()
        wrong[inner] = special.expit(odds[1:])
        right = 1 - wrong
        confusion = np.stack(
            [np.stack([right[:, 0], wrong[:, 0]], 1), np.stack([wrong[:, 1], right[:, 1]], 1)], 1
        )
        member = _members(counts, np.array([1 - share, share]), confusion, known)
        missed = np.stack([counts[:, :, 1], counts[:, :, 0]], axis=2)
        slopes = member[:, None, :] * (missed - counts.sum(2)[:, :, None] * wrong)
        return np.column_stack([member[:, 1] - share, slopes[:, inner]])

    best = special.logit(np.append(fitted.shares[1], fixed[inner]))
    steps = NUDGE * np.eye(len(best))
    slopes = [weights @ (scores(best + step) - scores(best - step)) for step in steps]
    information = np.linalg.pinv(-np.array(slopes) / (2 * NUDGE))
    who, pattern = places
    each = scores(best)[pattern]
    of_person = np.stack([np.bincount(who, column) for column in each.T], axis=1)
    covariance = information @ (of_person.T @ of_person) @ information.T
    errors: Values = np.sqrt(np.diag(covariance))[1:]
    return errors
