"""Shares of answers with their intervals, plain and with participants and persons drawn again."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from facegap.intervals import of_share, plain

DRAWS = 1000


def tested(hits: "pd.Series[bool]", confidence: float) -> dict[str, Any]:
    """The share of `hits` with Wilson's interval, counts, and the exact p against one half."""
    chosen, answers = int(hits.sum()), len(hits)
    return {
        **plain(of_share(chosen, answers, confidence)),
        "chosen": chosen,
        "answers": answers,
        "p": float(stats.binomtest(chosen, answers).pvalue) if answers else None,
    }


def redrawn(
    answers: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> dict[str, Any] | None:
    """The share of `chose_in` with participants and persons of both images drawn again.

    The pigeonhole bootstrap (Owen 2007): every factor resampled, an answer weighted by the
    product. It never claims too much, and with few participants claims very little.
    """
    if answers.empty:
        return None
    hits = answers["chose_in"].to_numpy(float)
    weights = np.ones((DRAWS, len(hits)))
    for factor in ("participant", "in_subject", "out_subject"):
        codes, names = pd.factorize(answers[factor])
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), DRAWS)
        weights *= drawn[:, codes]
    total = weights.sum(1)
    means = (weights @ hits)[total > 0] / total[total > 0]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"estimate": float(hits.mean()), "low": float(low), "high": float(high)}
