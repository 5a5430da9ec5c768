"""The preference by participants' own side of the boundary."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facegap.groups import group_name
from facegap.judge.at_large import WAYS
from facegap.judge.model import NO_ERROR, PERSONS, SEPARATED, Size, tested
from facegap.statistics.clustered import logistic
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
    left and right alike. A rater has one side, so participants are a sample and no fixed effects:
    errors are clustered by participants and by the persons on both images, with Student's t on the
    fewest of these. No rows where a side has fewer participants than `fewest`.
    """
    both = answers.merge(raters.rename(columns={"side": "own_side"}), on="participant")
    parts = {side: both[both["own_side"] == side] for side in SIDES}
    sizes = {side: _size(part) for side, part in parts.items()}
    if min(size.participants for size in sizes.values()) < fewest:
        return
    used = [value for value in controls if (both["control"] == value).any()]
    control = [(both["control"] == value) - 1 / len(used) for value in used[1:]]
    own = [both["own_side"] == side for side in SIDES]
    design = np.column_stack([*own, *control, both["in_left"] - 0.5]).astype(float)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return
    fit = logistic(both["chose_in"], design, *(both[name] for name in WAYS))
    if not np.isfinite(fit.estimate).all() or np.abs(fit.estimate).max() > SEPARATED:
        return
    unit = np.eye(design.shape[1])
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
    interval, size = row(apart.interval(confidence)), _size(both)
    quantity = "preference difference by own side"
    yield {"quantity": quantity, **interval, **tested(apart, size, confidence)}


def _size(answers: pd.DataFrame) -> Size:
    persons = min(answers[who].nunique() for who in PERSONS)
    return Size(len(answers), answers["participant"].nunique(), persons)
