"""How far annotators agree, with intervals that know that one person has several pictures."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facegap import tables
from facegap.answers import ANSWERS, agreed_side
from facegap.intervals import Interval, of_clustered_share, of_correlated_share, plain

DRAWS = 2000
BLOCK = 250  # draws at once: 200,000 faces of 10,000 persons stay small


def agreement(
    answers: pd.DataFrame,
    about: pd.DataFrame,
    again: Mapping[str, "pd.Series[bool]"],
    errors: Mapping[str, float],
    rng: np.random.Generator,
    confidence: float,
) -> dict[str, Any]:
    """Agreement of the annotators, for JSON.

    `answers` (faces, annotators) holds inside, outside or unsure. `about` has for each face who
    it shows (`person`), the person's `gender` (may be missing), and whether any annotator was
    `tentative`. `again` says of each annotator's repeated faces whether the answer stayed the
    same; `errors` has the planted rates of simulated annotators. Raw agreement counts a face on
    which all name one side (unsure never agrees), with Wilson's interval on persons. Cohen's
    kappa (1960) and Krippendorff's alpha (nominal, 2011) take the three answers as they are;
    their intervals are percentile bootstraps over persons. They are null where all answers are
    one and the same, which leaves no chance agreement to correct for.
    """
    same = agreed_side(answers).notna()
    persons = about["person"]
    picks = _picks(persons.nunique(), rng)
    return {
        "faces": len(answers),
        "persons": int(persons.nunique()),
        "confidence": confidence,
        "agreement": plain(of_clustered_share(same, persons, confidence)),
        "alpha": plain(_alpha_interval(answers, persons, picks, confidence)),
        "by_gender": _by(about["gender"].fillna("not known"), same, persons, confidence),
        "by_certainty": _by(
            about["tentative"].map({True: "tentative", False: "certain"}), same, persons, confidence
        ),
        "answer_error": plain(answer_error(answers, persons, confidence)),
        "pairs": [
            _pair(answers, list(pair), persons, picks, confidence)
            for pair in combinations(answers.columns, 2)
        ],
        "annotators": {
            name: _annotator(answers[name], persons, again[name], errors.get(name), confidence)
            for name in answers.columns
        },
    }


def kappa(counts: NDArray[Any]) -> NDArray[Any]:
    """Cohen's kappa (1960) of confusion tables (..., k, k); NaN where chance explains all."""
    total = counts.sum((-2, -1))
    observed = np.trace(counts, axis1=-2, axis2=-1) / total
    expected = (counts.sum(-1) * counts.sum(-2)).sum(-1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[Any] = np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
    return found


def coincidences(counts: NDArray[Any]) -> NDArray[Any]:
    """Krippendorff's coincidences of each unit, (n, k, k), of how often each value was given.

    `counts` is (n, k); a unit with fewer than two values has none.
    """
    values = counts.sum(-1, keepdims=True)
    given: NDArray[Any] = np.where(values > 1, counts, 0).astype(float)
    pairs = given[:, :, None] * given[:, None, :]
    pairs[:, range(counts.shape[1]), range(counts.shape[1])] -= given
    shared: NDArray[Any] = pairs / np.maximum(values - 1, 1)[:, :, None]
    return shared


def alpha(coincidence: NDArray[Any]) -> NDArray[Any]:
    """Krippendorff's alpha for nominal data of coincidence tables (..., k, k).

    1 - (n - 1) sum of o_cd over c != d / sum of n_c n_d over c != d (Krippendorff 2011, Computing
    Krippendorff's Alpha-Reliability, section C); NaN where all values are one and the same.
    """
    of_value = coincidence.sum(-1)
    n = of_value.sum(-1)
    differ = n - np.trace(coincidence, axis1=-2, axis2=-1)
    chance = n**2 - (of_value**2).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance > 0, 1 - (n - 1) * differ / chance, np.nan)


def answer_error(answers: pd.DataFrame, persons: "pd.Series[str]", confidence: float) -> Interval:
    """The chance that one answer of one annotator is wrong, from how often two differ.

    Two who err independently and alike differ with chance d = 2e(1 - e), so e = (1 - sqrt(1 -
    2d)) / 2; where they err unequally this makes their common errors more, not fewer. All pairs
    count, on faces where both name a side. Errors that annotators share leave no trace here.
    """
    differ = _differ(answers)
    share = of_correlated_share(differ, persons[differ.index], confidence)
    return Interval(*_one_errs(share).tolist())


def error_estimate(answers: pd.DataFrame) -> float:
    """`answer_error` without its interval; NaN where no two name a side of one face."""
    return float(_one_errs(_differ(answers).mean()))


def _differ(answers: pd.DataFrame) -> "pd.Series[bool]":
    """Whether two annotators differ, by face, for each pair of them who both name a side."""
    parts = []
    for one, two in combinations(answers.columns, 2):
        both = answers[one].isin(tables.SIDES) & answers[two].isin(tables.SIDES)
        parts.append(answers.loc[both, one] != answers.loc[both, two])
    return pd.concat(parts)


def _one_errs(differ: ArrayLike) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (1 - np.sqrt(1 - 2 * np.minimum(differ, 0.5))) / 2
    return found


def _picks(persons: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """How often each person is drawn, (draws, persons), persons in sorted order."""
    picks = np.empty((DRAWS, persons), np.uint16)
    for draw in range(DRAWS):
        picks[draw] = np.bincount(rng.integers(0, persons, persons), minlength=persons)
    return picks


def _drawn(by_person: NDArray[np.float64], picks: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Sums of `by_person` (persons, k, k) over each draw of persons, (draws, k, k)."""
    flat = by_person.reshape(len(by_person), -1)
    blocks = [picks[k : k + BLOCK].astype(np.float64) @ flat for k in range(0, DRAWS, BLOCK)]
    return np.concatenate(blocks).reshape(-1, *by_person.shape[1:])


def _per_person(tables_: NDArray[np.float64], persons: "pd.Series[str]") -> NDArray[np.float64]:
    """Sums of the faces' tables (n, k, k) over each person, persons in sorted order."""
    who = np.unique(persons.to_numpy(str), return_inverse=True)[1]
    flat = tables_.reshape(len(tables_), -1)
    sums = np.stack([np.bincount(who, column).astype(np.float64) for column in flat.T], axis=1)
    return sums.reshape(-1, *tables_.shape[1:])


def _bootstrapped(
    estimate: NDArray[np.float64], drawn: NDArray[np.float64], confidence: float
) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    ends = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]) if len(drawn) else None
    low, high = (float("nan"),) * 2 if ends is None else map(float, ends)
    return Interval(float(estimate), low, high)


def _alpha_interval(
    answers: pd.DataFrame,
    persons: "pd.Series[str]",
    picks: NDArray[np.uint16],
    confidence: float,
) -> Interval:
    counts = np.stack([(answers == word).sum(axis=1).to_numpy() for word in ANSWERS], axis=1)
    by_person = _per_person(coincidences(counts), persons)
    return _bootstrapped(alpha(by_person.sum(0)), alpha(_drawn(by_person, picks)), confidence)


def _by(
    group: "pd.Series[str]", same: "pd.Series[bool]", persons: "pd.Series[str]", confidence: float
) -> dict[str, dict[str, Any]]:
    """Raw agreement on the faces of each group."""
    return {
        str(name): {
            **plain(of_clustered_share(same[here.index], persons[here.index], confidence)),
            "faces": len(here),
        }
        for name, here in group.groupby(group)
    }


def _pair(
    answers: pd.DataFrame,
    names: list[str],
    persons: "pd.Series[str]",
    picks: NDArray[np.uint16],
    confidence: float,
) -> dict[str, Any]:
    one, two = (pd.Categorical(answers[name], ANSWERS).codes.astype(int) for name in names)
    k = len(ANSWERS)
    cells = np.zeros((len(answers), k, k))
    cells[np.arange(len(answers)), one, two] = 1
    by_person = _per_person(cells, persons)
    counts = by_person.sum(0)
    same = (one == two) & (one < len(tables.SIDES))
    return {
        "annotators": names,
        "agreement": plain(of_clustered_share(same, persons, confidence)),
        "kappa": plain(_bootstrapped(kappa(counts), kappa(_drawn(by_person, picks)), confidence)),
        "answers": list(ANSWERS),
        "confusion": counts.astype(int).tolist(),  # rows: the first annotator
    }


def _annotator(
    answers: "pd.Series[str]",
    persons: "pd.Series[str]",
    again: "pd.Series[bool]",
    error: float | None,
    confidence: float,
) -> dict[str, Any]:
    consistency = of_clustered_share(again, persons[again.index], confidence)
    return {
        "inside": plain(of_clustered_share(answers == "inside", persons, confidence)),
        "unsure": int((answers == "unsure").sum()),
        "repeated": len(again),
        "consistency": plain(consistency),
        "simulated": error is not None,
        "planted_error": error,
    }
