"""The preference by participants' own side of the boundary."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facegap.groups import group_name
from facegap.judge.at_large import fit_of_sample
from facegap.judge.model import NO_ERROR, size_of, tested
from facegap.statistics.interval import row
from facegap.tables.base import SIDES


def by_own_side(
    answers: pd.DataFrame,
    raters: pd.DataFrame,
    controls: Sequence[str],
    fewest: int,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    """Rows of the preference of participants of either side (RATERS), and of what they differ by.

    Log odds of choosing the in-domain output by the rater's side, over values of the control and
    left and right alike. A rater has one side, so participants are a sample (`fit_of_sample`) and
    no fixed effects, with Student's t on the fewest of participants and persons. No rows where a
    side has fewer participants than `fewest`.
    """
    both = answers.merge(raters.rename(columns={"side": "own_side"}), on="participant")
    parts = {side: both[both["own_side"] == side] for side in SIDES}
    sizes = {side: size_of(part) for side, part in parts.items()}
    if min(size.participants for size in sizes.values()) < fewest:
        return
    used = [value for value in controls if (both["control"] == value).any()]
    control = [(both["control"] == value) - 1 / len(used) for value in used[1:]]
    fit = fit_of_sample(both, [*(both["own_side"] == side for side in SIDES), *control])
    if fit is None:
        return
    unit = np.eye(len(fit.estimate))
    contrasts = [
        fit.contrast(unit[k], min(sizes[side].participants, sizes[side].persons) - 1)
        for k, side in enumerate(SIDES)
    ]
    freedom = min(contrast.freedom for contrast in contrasts)
    apart = fit.contrast(unit[0] - unit[1], freedom)
    if not min(each.error for each in (*contrasts, apart)) > NO_ERROR:
        return
    for side, contrast in zip(SIDES, contrasts, strict=True):
        share = row(contrast.interval(confidence, share=True))
        group = group_name({"rater": side})
        test = tested(contrast, sizes[side], confidence)
        yield {"quantity": "preference by own side", "group": group, **share, **test}
    interval, size = row(apart.interval(confidence)), size_of(both)
    quantity = "preference difference by own side"
    yield {"quantity": quantity, **interval, **tested(apart, size, confidence)}
