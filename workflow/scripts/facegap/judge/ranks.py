"""Log odds of a choice by seed and attribute, and how metrics of realism go with them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from facegap.statistics.bootstrap import percentile, resample
from facegap.statistics.interval import Interval, row
from facegap.tables.base import DOMAINS

FEWEST = 5  # points of a correlation


def log_odds(compared: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of "log odds" of the choice of the in-domain output: of all, by seed and attribute.

    Half an answer is added to either count (Haldane 1956), which keeps them finite.
    """
    rows = []
    for names in ([], ["seed"], ["attribute"], ["seed", "attribute"]):
        for values, group in compared.groupby(names) if names else [((), compared)]:
            won, answers = int(group["chose_in"].sum()), len(group)
            estimate = float(np.log((won + 0.5) / (answers - won + 0.5)))
            of = dict(zip(names, values, strict=True))
            rows.append({"quantity": "log odds", **of, "estimate": estimate, "answers": answers})
    return rows


def correlations(
    odds: Sequence[dict[str, Any]],
    realism: pd.DataFrame,
    rng: np.random.Generator,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Rows of "correlation": how far each metric of `realism` (ESTIMATES) goes with the log odds.

    Spearman's correlation, over seeds and attributes (over seeds where a metric has no values by
    attribute), of the log odds with the metric in-domain less out-domain; percentile bootstrap of
    the points. Missing of fewer than five points, or where all are equal.
    """
    ranked = pd.DataFrame(odds, columns=["seed", "attribute", "estimate"])
    of_seeds = realism[(realism["quantity"] == "realism") & realism["seed"].notna()]
    for metric, values in of_seeds.groupby("metric"):
        by_attribute = bool(values["attribute"].notna().any())
        index = ["seed", "attribute"] if by_attribute else ["seed"]
        used = values[values["attribute"].notna() == by_attribute]
        wide = used.pivot_table(index=index, columns="group", values="estimate")
        sides = [f"domain: {name}" for name in DOMAINS]
        if not set(sides) <= set(wide.columns):
            continue
        apart = (wide[sides[0]] - wide[sides[1]]).dropna().rename("apart").reset_index()
        scored = ranked[ranked["seed"].notna() & (ranked["attribute"].notna() == by_attribute)]
        both = scored.merge(apart.astype({"seed": float}), on=index)
        points = both[["estimate", "apart"]].to_numpy(float)
        interval = _spearman(points, rng, confidence)
        about = {"quantity": "correlation", "metric": str(metric), "answers": len(points)}
        yield {**about, **row(interval)}


def _spearman(points: NDArray[np.float64], rng: np.random.Generator, confidence: float) -> Interval:
    """Spearman's correlation of `points` (n, 2)."""
    if len(points) < FEWEST or (np.ptp(points, axis=0) == 0).any():
        return Interval(*[float("nan")] * 3)
    ranks = stats.rankdata(points[resample(len(points), rng)], axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    spread = np.sqrt((ranks**2).sum(1)).prod(1)
    resampled = (ranks[:, :, 0] * ranks[:, :, 1]).sum(1)[spread > 0] / spread[spread > 0]
    value = float(stats.spearmanr(points[:, 0], points[:, 1]).statistic)
    return percentile(value, resampled, confidence)
