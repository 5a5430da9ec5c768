"""Realism gaps as they would be if the sides of the measured faces were right; nothing is trained.

Faces on the wrong side bring the two means together: of a difference d between the sides that is
there, d (1 - e) is seen, where e is the sum of the shares that are wrong on either side, if they
are like the other faces of their true side.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import special

from facegap.groups import group_name
from facegap.quantity import PRIMARY
from facegap.statistics.interval import Interval, row
from facegap.statistics.proportions import weighted_sum
from facegap.tables.base import DOMAINS, read_table
from facegap.tables.measure import ESTIMATES

Row = dict[str, Any]
QUANTITIES = ("realism gap", "realism interaction")
LEAST = 0.2  # of a difference that is left to be seen; below it nothing is said


def error_of_sides(roles: Path, more: Interval | None = None) -> Interval:
    """The shares of measured faces that lie on the other side, the sum of both domains'.

    `roles` (ESTIMATES) has their numbers. With the error `more` in either domain. NaN where one of
    them is not known.
    """
    table = read_table(roles, ESTIMATES)
    table = table[table["quantity"] == "faces of the other side"].set_index("group")
    own = table.loc[[group_name({"domain": domain}) for domain in DOMAINS]]
    shares = own[list(Interval._fields)].astype(float).div(own["faces"].astype(float), axis=0)
    parts = [Interval(*share) for share in shares.to_numpy().tolist()]
    parts += [] if more is None else [more, more]
    return weighted_sum(parts, [1.0] * len(parts))


def realism_rows(
    realism: list[Path], errors: Mapping[str, Interval], confidence: float
) -> Iterator[Row]:
    """Rows of "without label error" of the primary gaps and interactions in `realism` (ESTIMATES).

    As the labels are, and with each of `errors` (sums over both sides) taken off.
    """
    for path in realism:
        table = read_table(path, ESTIMATES)
        gaps = table[table["quantity"].isin(QUANTITIES) & (table["group"] == "all")]
        primary = gaps["attribute"].isna() & gaps["family"].str.endswith(PRIMARY)
        for row_of_gap in gaps[primary].to_dict("records"):
            gap = {str(name): value for name, value in row_of_gap.items()}
            about: Row = {"quantity": "without label error", "metric": gap["metric"]}
            for labels, error in {"as they are": None, **errors}.items():
                group = group_name({"outcome": gap["quantity"], "labels": labels})
                yield {**about, "group": group, **corrected(gap, error, confidence)}


def corrected(gap: Mapping[str, Any], error: Interval | None, confidence: float) -> Row:
    """A gap's columns of ESTIMATES, with the `error` taken off, whose doubt widens the interval."""
    found = Interval(*(float(gap[name]) for name in Interval._fields))
    if error is None:
        return {**row(found), "standard_error": gap["standard_error"]}
    if pd.isna([*error, *found]).any() or error.high > 1 - LEAST:
        return {}
    left = 1 - error.estimate
    z = float(special.ndtri((1 + confidence) / 2))
    reach = (found.high - found.low) / 2 / gap["standard_error"]  # Student's quantile
    doubt = found.estimate / left**2 * (error.high - error.low) / (2 * z)
    spread = ((gap["standard_error"] / left) ** 2 + doubt**2) ** 0.5
    estimate = found.estimate / left
    ends = Interval(estimate, estimate - reach * spread, estimate + reach * spread)
    return {**row(ends), "share": error.estimate, "standard_error": spread}
