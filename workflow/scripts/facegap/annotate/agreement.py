"""How far annotators agree, with intervals that know that one person has several pictures."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from facegap import tables
from facegap.intervals import Interval, of_clustered_share, plain

ANSWERS = (*tables.SIDES, "unsure")
DRAWS = 2000


def agreement(
    answers: pd.DataFrame,
    persons: "pd.Series[str]",
    errors: Mapping[str, float],
    rng: np.random.Generator,
    confidence: float,
) -> dict[str, Any]:
    """Agreement of the annotators, for JSON.

    `answers` (faces, annotators) holds inside, outside or unsure; `persons` (faces,) who a face
    is; `errors` the planted rates of simulated annotators. Raw agreement counts a face on which
    all name one side (unsure never agrees), with Wilson's interval on persons. Cohen's kappa
    (1960) takes the three answers as they are; its interval is a percentile bootstrap over
    persons. It is null where both annotators give one answer throughout, which leaves no chance
    agreement to correct for.
    """
    first = answers.iloc[:, 0]
    same = answers.eq(first, axis=0).all(axis=1) & first.isin(tables.SIDES)
    weights = _resampled(persons, rng)
    return {
        "faces": len(answers),
        "persons": int(persons.nunique()),
        "confidence": confidence,
        "agreement": plain(of_clustered_share(same, persons, confidence)),
        "pairs": [
            _pair(answers, list(pair), persons, weights, confidence)
            for pair in combinations(answers.columns, 2)
        ],
        "annotators": {
            name: _annotator(answers[name], persons, errors.get(name), confidence)
            for name in answers.columns
        },
    }


def kappa(counts: np.ndarray) -> np.ndarray:
    """Cohen's kappa (1960) of confusion tables (..., k, k); NaN where chance explains all."""
    total = counts.sum((-2, -1))
    observed = np.trace(counts, axis1=-2, axis2=-1) / total
    expected = (counts.sum(-1) * counts.sum(-2)).sum(-1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)


def _resampled(persons: "pd.Series[str]", rng: np.random.Generator) -> np.ndarray:
    """How often each person is drawn, int64 (draws, persons), persons in sorted order."""
    n = persons.nunique()
    return np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(DRAWS)])


def _pair(
    answers: pd.DataFrame,
    names: list[str],
    persons: "pd.Series[str]",
    weights: np.ndarray,
    confidence: float,
) -> dict[str, Any]:
    one, two = (pd.Categorical(answers[name], ANSWERS).codes.astype(int) for name in names)
    _, person = np.unique(persons.to_numpy(), return_inverse=True)
    k = len(ANSWERS)
    by_person = np.zeros((weights.shape[1], k * k))
    np.add.at(by_person, (person, k * one + two), 1)
    counts = by_person.sum(0).reshape(k, k)
    drawn = kappa((weights @ by_person).reshape(-1, k, k))
    drawn = drawn[np.isfinite(drawn)]
    ends = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]) if len(drawn) else None
    low, high = (float("nan"),) * 2 if ends is None else map(float, ends)
    same = (one == two) & (one < len(tables.SIDES))
    return {
        "annotators": names,
        "agreement": plain(of_clustered_share(same, persons, confidence)),
        "kappa": plain(Interval(float(kappa(counts)), low, high)),
        "answers": list(ANSWERS),
        "confusion": counts.astype(int).tolist(),  # rows: the first annotator
    }


def _annotator(
    answers: "pd.Series[str]", persons: "pd.Series[str]", error: float | None, confidence: float
) -> dict[str, Any]:
    return {
        "inside": plain(of_clustered_share(answers == "inside", persons, confidence)),
        "unsure": int((answers == "unsure").sum()),
        "simulated": error is not None,
        "planted_error": error,
    }
