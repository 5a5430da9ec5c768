"""Shares of answers as rows of ESTIMATES, plain and with participants and persons resampled."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from facegap.groups import group_name
from facegap.statistics.bootstrap import cluster_counts, percentile
from facegap.statistics.interval import row
from facegap.statistics.proportions import exact_p, wilson
from facegap.tables.judge import CRITERIA

DRAWS = 1000


def share(
    quantity: str, hits: "pd.Series[bool]", confidence: float, **about: str
) -> dict[str, Any]:
    """The share of `hits` with Wilson's interval.

    It takes answers as independent, as the paper does; the model does not.
    """
    interval = row(wilson(int(hits.sum()), len(hits), confidence))
    return {"quantity": quantity, **about, **interval, "answers": len(hits)}


def tested_share(
    quantity: str, hits: "pd.Series[bool]", confidence: float, **about: str
) -> dict[str, Any]:
    """The same with the exact p against one half, which is no preference."""
    p = exact_p(int(hits.sum()), len(hits))
    return {**share(quantity, hits, confidence, **about), "p": p}


def preferences(
    compared: pd.DataFrame, controls: Sequence[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """Rows of "preference": of all, the paper's Table 5, and by what else may matter.

    Table 5 has the share of either domain by value of the control.
    """
    choice = partial(tested_share, "preference", confidence=confidence, metric="choice")
    chose_in = compared["chose_in"]
    yield choice(chose_in)
    for control in controls:
        hits = chose_in[compared["control"] == control]
        yield choice(hits, group=group_name({"control": control}))
        other = group_name({"control": control, "chosen": "out-domain"})
        yield choice(~hits, group=other)
    for column, name in (("attribute", "attribute"), ("model", "participant"), ("seed", "seed")):
        for value, hits in chose_in.groupby(compared[name]):
            yield {**choice(hits), column: value}
    for name in CRITERIA:
        given = compared.dropna(subset=[name])
        if len(given):
            hits = (given[name] == "left") == given["in_left"]
            yield tested_share("preference", hits, confidence, metric=name)


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
