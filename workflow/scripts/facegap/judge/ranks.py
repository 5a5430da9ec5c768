"""Bradley-Terry scores by seed and attribute, and what the machine's measures say of them."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

DRAWS = 2000
FEWEST = 5  # points of a correlation


def scores(compared: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Log strength of the in-domain outputs over the out-domain ones (BRADLEY_TERRY).

    Only outputs of one seed and attribute are compared with each other, so each Bradley-Terry
    model (1952) has two players, and its maximum is the log odds of a choice: here with half an
    answer added to either (Haldane 1956), which keeps it finite, and Wald's interval.
    """
    reach = float(stats.norm.ppf((1 + confidence) / 2))
    rows = []
    for by, names in (
        ("all", []),
        ("seed", ["seed"]),
        ("attribute", ["attribute"]),
        ("seed and attribute", ["seed", "attribute"]),
    ):
        groups = compared.groupby(names) if names else [((), compared)]
        for values, group in groups:
            found = dict(zip(names, values if names else (), strict=True))
            won, answers = int(group["chose_in"].sum()), len(group)
            score = float(np.log((won + 0.5) / (answers - won + 0.5)))
            error = (1 / (won + 0.5) + 1 / (answers - won + 0.5)) ** 0.5
            rows.append(
                {
                    "by": by,
                    "seed": found.get("seed"),
                    "attribute": found.get("attribute"),
                    "answers": answers,
                    "chosen": won,
                    "score": score,
                    "low": score - reach * error,
                    "high": score + reach * error,
                }
            )
    return pd.DataFrame(rows)


def predicted(
    ranked: pd.DataFrame, realism: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> list[dict[str, Any]]:
    """How far each measure of the synthesis (REALISM) goes with the scores.

    Spearman's correlation, over seeds and attributes (over seeds where a measure has no values by
    attribute), of the score with the measure in-domain less out-domain; percentile bootstrap of
    the points. No correlation of fewer than five points, or where all are equal.
    """
    found = []
    everybody = realism[realism["control"].isna()] if "control" in realism else realism
    for metric, values in everybody.groupby("metric"):
        by_attribute = values["attribute"].notna().any()
        by = "seed and attribute" if by_attribute else "seed"
        index = ["seed", "attribute"] if by_attribute else ["seed"]
        used = values[values["attribute"].notna()] if by_attribute else values
        wide = used.pivot_table(index=index, columns="domain", values="value").dropna()
        if not {"in-domain", "out-domain"} <= set(wide.columns):
            continue
        apart = (wide["in-domain"] - wide["out-domain"]).rename("apart").reset_index()
        both = ranked[ranked["by"] == by].merge(apart, on=index)
        found.append({"metric": str(metric), "by": by, **_correlated(both, rng, confidence)})
    return found


def _correlated(
    both: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> dict[str, float | int | None]:
    pair = both[["score", "apart"]].to_numpy(float)
    nothing: dict[str, float | int | None] = {
        "points": len(pair),
        "correlation": None,
        "low": None,
        "high": None,
    }
    if len(pair) < FEWEST or (np.ptp(pair, axis=0) == 0).any():
        return nothing
    picks = rng.integers(0, len(pair), (DRAWS, len(pair)))
    ranks = stats.rankdata(pair[picks], axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    spread = np.sqrt((ranks**2).sum(1)).prod(1)
    drawn = (ranks[:, :, 0] * ranks[:, :, 1]).sum(1)[spread > 0] / spread[spread > 0]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = float(stats.spearmanr(pair[:, 0], pair[:, 1]).statistic)
    return {**nothing, "correlation": value, "low": float(low), "high": float(high)}
