"""Whether the answers can be trusted: attention, agreement, repeats, and time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from facegap.judge.shares import share
from facegap.statistics.agreement import alpha, coincidences, fleiss, resampled
from facegap.statistics.bootstrap import cluster_counts
from facegap.statistics.interval import row

DRAWS = 1000
QUARTILES = {"lower quartile": 0.25, "median": 0.5, "upper quartile": 0.75}


def attention(answers: pd.DataFrame, threshold: float) -> dict[str, dict[str, Any]]:
    """By participant: attention pairs answered and passed, and whether they are `excluded`.

    Who chooses the right image in fewer than a share `threshold` of them is; who answered none is
    not.
    """
    asked = answers[answers["kind"] == "attention"]
    passed = asked["choice"] != asked["degraded"]
    found = {}
    for name in sorted(answers["participant"].unique()):
        theirs = passed[asked["participant"] == name]
        found[str(name)] = {
            "asked": len(theirs),
            "passed": int(theirs.sum()),
            "excluded": bool(len(theirs) and theirs.mean() < threshold),
        }
    return found


def consistency(answers: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """How often a participant chose the same image with left and right exchanged: a row."""
    again = answers[answers["kind"] == "repeat"]
    by_pair = answers.set_index(["pair_id", "participant"])["chose_in"]
    first = by_pair.reindex(pd.MultiIndex.from_frame(again[["repeats", "participant"]]))
    both = first.notna().to_numpy()
    same = pd.Series(again["chose_in"].to_numpy()[both] == first.to_numpy()[both], dtype=bool)
    return share("consistency", same, confidence, metric="choice")


def votes(compared: pd.DataFrame) -> "pd.DataFrame":
    """How often the out-domain and the in-domain output were chosen, by pair.

    Of pairs that two or more participants compared.
    """
    pairs = compared.groupby("comparison")["chose_in"].agg(["size", "sum"])
    counts = pd.DataFrame({"out-domain": pairs["size"] - pairs["sum"], "in-domain": pairs["sum"]})
    return counts[pairs["size"] > 1]


def agreement(
    votes: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> Iterator[dict[str, Any]]:
    """Rows of the agreement on pairs (n, 2); none where there are none.

    Krippendorff's alpha for nominal data, and Fleiss' kappa where every such pair was compared
    equally often. The interval of alpha is a bootstrap of the pairs.
    """
    if votes.empty:
        return
    counts = votes.to_numpy(float)
    samples = cluster_counts(np.arange(len(counts)), rng, DRAWS)
    of_pairs = resampled(alpha, coincidences(counts), samples, confidence)
    of_choice = {"metric": "choice", "answers": int(counts.sum())}
    yield {"quantity": "Krippendorff's alpha", **row(of_pairs), **of_choice}
    if len(set(counts.sum(1))) == 1 and np.isfinite(of_pairs.estimate):
        yield {"quantity": "Fleiss' kappa", "estimate": fleiss(counts), **of_choice}


def response_times(answers: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows of "response time": its quartiles, of the answers whose time is known."""
    known = answers["seconds"].dropna()
    if len(known):
        for name, share_below in QUARTILES.items():
            value = float(known.quantile(share_below))
            about = {"quantity": "response time", "metric": name}
            yield {**about, "estimate": value, "answers": len(known)}
