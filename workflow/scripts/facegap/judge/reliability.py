"""Whether the answers can be trusted: attention, agreement, repeats, and time."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.stats.inter_rater import fleiss_kappa

from facegap.judge.shares import tested

DRAWS = 1000


def attention(answers: pd.DataFrame, needed: float) -> dict[str, dict[str, Any]]:
    """By participant: attention pairs answered and passed, and whether they are `excluded`.

    Who takes the spoiled side in more than a share of 1 - `needed` of them is; who answered none
    is not.
    """
    asked = answers[answers["kind"] == "attention"]
    passed = asked["choice"] != asked["degraded"]
    found = {}
    for name in sorted(answers["participant"].unique()):
        theirs = passed[asked["participant"] == name]
        found[str(name)] = {
            "asked": len(theirs),
            "passed": int(theirs.sum()),
            "excluded": bool(len(theirs) and theirs.mean() < needed),
        }
    return found


def repeats(answers: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """How often a participant chose the same image when the sides were exchanged."""
    again = answers[answers["kind"] == "repeat"]
    first = answers.set_index("pair_id")["chose_in"].reindex(again["repeats"])
    both = first.notna().to_numpy()
    same = pd.Series(again["chose_in"].to_numpy()[both] == first.to_numpy()[both], dtype=bool)
    return tested(same, confidence)


def agreement(
    compared: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> dict[str, Any] | None:
    """Of pairs that two or more participants compared; None where there are none.

    Krippendorff's alpha for nominal data (Krippendorff 2011) with a bootstrap of the pairs;
    Fleiss' kappa where every such pair was compared equally often.
    """
    grouped = compared.groupby("comparison")["chose_in"]
    table = np.column_stack([grouped.size(), grouped.sum()]).astype(float)
    counts = np.column_stack([table[:, 0] - table[:, 1], table[:, 1]])[table[:, 0] > 1]
    if not len(counts):
        return None
    picks = rng.integers(0, len(counts), (DRAWS, len(counts)))
    alphas = np.array([krippendorff(counts[pick]) for pick in picks])
    alphas = alphas[np.isfinite(alphas)]
    ends = (1 - confidence) / 2, (1 + confidence) / 2
    low, high = np.quantile(alphas, ends) if len(alphas) else (np.nan, np.nan)
    alpha = krippendorff(counts)
    even = len(set(counts.sum(1))) == 1 and np.isfinite(alpha)
    return {
        "pairs": len(counts),
        "alpha": _number(alpha),
        "low": _number(float(low)),
        "high": _number(float(high)),
        "fleiss": float(fleiss_kappa(counts)) if even else None,
    }


def krippendorff(counts: NDArray[np.float64]) -> float:
    """Alpha of (n, 2) counts of either choice by unit; NaN where all choices are the same."""
    sizes = counts.sum(1)
    kept = counts[sizes > 1]
    observed = (kept[:, 0] * kept[:, 1] / (kept.sum(1) - 1)).sum()
    one, other = kept.sum(0)
    if not one * other:
        return float("nan")
    return float(1 - (one + other - 1) * observed / (one * other))


def seconds(answers: pd.DataFrame) -> dict[str, Any] | None:
    """Quartiles of the response times, over all and by participant; None where none is known."""
    known = answers.dropna(subset=["seconds"])
    if known.empty:
        return None
    return {
        "all": _quartiles(known["seconds"]),
        "participants": {
            str(name): _quartiles(group["seconds"]) for name, group in known.groupby("participant")
        },
    }


def _quartiles(times: "pd.Series[float]") -> dict[str, float]:
    low, middle, high = times.quantile([0.25, 0.5, 0.75])
    return {"quarter": float(low), "median": float(middle), "three_quarters": float(high)}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
