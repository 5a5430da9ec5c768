"""Shares of answers as rows of ESTIMATES, and with participants and persons resampled."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facegap.groups import group_name
from facegap.statistics.bootstrap import cluster_counts, percentile
from facegap.statistics.interval import row
from facegap.statistics.proportions import wilson

DRAWS = 1000


def share(
    quantity: str, hits: "pd.Series[bool]", confidence: float, **about: str
) -> dict[str, Any]:
    """The share of `hits` with Wilson's interval, which takes them as independent.

    For facts of the answers; a preference is tested by the model, which is clustered by person.
    """
    interval = row(wilson(int(hits.sum()), len(hits), confidence))
    return {"quantity": quantity, **about, **interval, "answers": len(hits)}


def raw_shares(compared: pd.DataFrame, controls: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Rows of shares of answers, which the paper prints, without an interval.

    "raw preference" of all, by value of the control for either domain, and by participant; "left
    share".
    """
    chose_in = compared["chose_in"]
    yield _raw(chose_in)
    for control in controls:
        hits = chose_in[compared["control"] == control]
        yield _raw(hits, group=group_name({"control": control}))
        yield _raw(~hits, group=group_name({"control": control, "chosen": "out-domain"}))
    for participant, hits in chose_in.groupby(compared["participant"]):
        yield _raw(hits, model=participant)
    yield {**_raw(compared["chose_left"]), "quantity": "left share"}


def _raw(hits: "pd.Series[bool]", **about: Any) -> dict[str, Any]:
    estimate = float(hits.mean()) if len(hits) else float("nan")
    return {"quantity": "raw preference", "estimate": estimate, "answers": len(hits), **about}


def familiarities(
    known: pd.DataFrame, excluded: Sequence[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """Rows of "familiarity", by domain; none where nobody was asked."""
    used = known[~known["participant"].isin(excluded)]
    for domain, hits in used["known"].groupby(used["domain"]):
        group = group_name({"domain": str(domain)})
        yield share("familiarity", hits, confidence, group=group)


def participant_bootstrap(
    answers: pd.DataFrame, rng: np.random.Generator, confidence: float
) -> dict[str, Any]:
    """The share of `chose_in` with participants and persons of both images resampled.

    The pigeonhole bootstrap (Owen 2007): every factor resampled, an answer weighted by the
    product. It never claims too much, and with few participants claims very little.
    """
    hits = answers["chose_in"].to_numpy(float)
    weights = np.ones((DRAWS, len(hits)))
    for factor in ("participant", "in_subject", "out_subject"):
        weights *= cluster_counts(answers[factor], rng, DRAWS)
    total = weights.sum(1)
    means = (weights @ hits)[total > 0] / total[total > 0]
    size = {"answers": len(hits), "participants": answers["participant"].nunique()}
    return {**row(percentile(hits.mean(), means, confidence)), **size}
