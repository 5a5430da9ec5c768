"""The preference less how people like the photographs themselves, in one model of both."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from facegap.groups import ALL, group_name
from facegap.judge.model import Model, Row, Size, model, tested
from facegap.statistics.clustered import Contrast
from facegap.statistics.interval import row
from facegap.statistics.multiplicity import holm

FAMILY = "rows of Table 5 without baseline"
MADE, UNTOUCHED = "made", "untouched"


def without_baseline(
    compared: pd.DataFrame, originals: pd.DataFrame, controls: Sequence[str], confidence: float
) -> Iterator[dict[str, Any]]:
    """Rows of the preference for the in-domain outputs, less that for the in-domain photographs.

    `compared` are answers on outputs, `originals` on untouched photographs of either side. Log odds
    of both are estimated by value of the control, over the same participants, with errors clustered
    by the same persons, so their difference knows that persons have photographs and outputs. No
    rows where there are no originals, or where the answers on them cannot be fitted.
    """
    if originals.empty:
        return
    both = pd.concat([compared.assign(made=MADE), originals.assign(made=UNTOUCHED)])
    used = [value for value in controls if (originals["control"] == value).any()]
    both = both[both["control"].isin(used)]
    groups = [f"{value}, {made}" for made in (MADE, UNTOUCHED) for value in used]
    fitted = model(both.assign(control=both["control"] + ", " + both["made"]), groups)
    if fitted.fit is None or fitted.controls != groups:
        return
    yield from _rows("baseline preference", fitted, used, (0.0, 1.0), confidence)
    rows = list(_rows("preference without baseline", fitted, used, (1.0, -1.0), confidence))
    yield rows[0]
    adjusted = holm([each["p"] for each in rows[1:]])
    for each, p in zip(rows[1:], adjusted, strict=True):
        yield {**each, "adjusted_p": float(p), "family": FAMILY}


def _rows(
    quantity: str, fitted: Model, controls: list[str], signs: tuple[float, float], confidence: float
) -> Iterator[Row]:
    """A share of all, and of each value: log odds of what was made and of originals by `signs`."""
    count = len(controls)
    for name, share in (
        (ALL, np.full(count, 1 / count)),
        *((group_name({"control": value}), np.eye(count)[k]) for k, value in enumerate(controls)),
    ):
        contrast, size = _contrast_of(fitted, np.concatenate([sign * share for sign in signs]))
        interval = row(contrast.interval(confidence, share=True))
        test = tested(contrast, size, confidence)
        yield {"quantity": quantity, "group": name, **interval, **test}


def _contrast_of(fitted: Model, weights: np.ndarray) -> tuple[Contrast, Size]:
    """The log odds of the groups of a model by `weights` (groups,), and what they rest on."""
    assert fitted.fit is not None
    names = [group_name({"control": value}) for value in fitted.controls]
    sizes = [fitted.sizes[name] for name, weight in zip(names, weights, strict=True) if weight]
    size = Size(
        sum(each.answers for each in sizes),
        max(each.participants for each in sizes),
        min(each.persons for each in sizes),
    )
    every = np.zeros(len(fitted.fit.estimate))
    every[: len(weights)] = weights
    return fitted.fit.contrast(every, size.persons - 1), size
