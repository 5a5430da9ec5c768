"""Generators trained on either side, beside each other: what crossing the boundary does to them.

All arms translate the same faces, in pairs by seed, so that how hard a side is cancels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facegap.configurations import CROSSED
from facegap.errors import DataError
from facegap.groups import group_name, group_values
from facegap.measure.dose import Scored, halving_share
from facegap.measure.gaps import Scores, adjusted, mean_difference, realism_gap
from facegap.measure.values import Measure, Values, family, named, read_values
from facegap.seeds import generator
from facegap.settings.measure import Intervals, Realism
from facegap.statistics.interval import row
from facegap.tables.base import DOMAINS, SIDES, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
MORE_IS_BETTER = ("corrected attribute transfer", "attribute transfer", "identity preservation")


def measure_arms(
    *,
    values: list[Path],
    estimates: Path,
    study: str,
    shares: dict[str, float],
    intervals: Intervals,
    settings: Realism,
    seed: int,
) -> None:
    """Write how much better each side is served by its own arm, their sums, and the dose.

    `values` (facegap/measure/values.py) has a file for each arm, `shares` the share of outside
    faces that each trained on. Rows (ESTIMATES) are "realism advantage" on either side and "realism
    interaction" of every measure, of the arms inside and outside, if both are there; of more shares
    than inside, mixed and outside "halving share" of the primary measures.
    """
    arms = dict(zip(shares, map(read_values, values), strict=True))
    rows: list[Row] = []
    if {"inside", "outside"} <= set(arms):
        rows += crossed(arms["inside"], arms["outside"], settings.primary, intervals.confidence)
    if len(set(shares.values()) - set(CROSSED)):
        curve = {share: arms[name] for name, share in shares.items()}
        rows += of_dose(curve, settings.primary, intervals.confidence, seed)
    write_table(table_of(rows, study), estimates, ESTIMATES)


def crossed(own: Values, other: Values, primary: Sequence[str], confidence: float) -> Iterator[Row]:
    """Rows of the arm inside (`own`) and the arm outside (`other`), on the same faces.

    Positive is better, whatever the measure: of errors and distances the sign is changed.
    """
    tests = []
    for measure in own:
        if measure not in other:  # a correction that one of them does not allow
            continue
        about: Row = {"metric": measure.metric, "attribute": measure.attribute}
        apart = {
            domain: _less(own[measure][domain], other[measure][domain], measure)
            for domain in DOMAINS
        }
        for side, domain in zip(SIDES, DOMAINS, strict=True):
            found = apart[domain] if side == "inside" else _times(apart[domain], -1)
            group = group_name({"side": side, **group_values(measure.group)})
            yield {
                **{"quantity": "realism advantage", **about, "group": group},
                **mean_difference(found, confidence),
            }
        inside, outside = (apart[domain] for domain in DOMAINS)
        tests.append(
            {
                **{"quantity": "realism interaction", **about, "group": measure.group},
                **realism_gap(outside, inside, confidence),
                "family": f"interaction, {family(measure, named(primary))}",
            }
        )
    yield from adjusted(tests)


def of_dose(
    curve: Mapping[float, Values], primary: Sequence[str], confidence: float, seed: int
) -> Iterator[Row]:
    """Rows of "halving share" of the primary measures, by the share of outside faces."""
    for measure in curve[min(curve)]:
        first = measure.metric in named(primary) and not measure.attribute
        if not first or measure.group != "all" or any(measure not in of for of in curve.values()):
            continue
        rng = generator(seed, "halving_share_of_realism", metric=measure.metric)
        sides = {
            share: [_tested(of[measure][domain], measure) for domain in DOMAINS]
            for share, of in curve.items()
        }
        found = halving_share([{share: (a, b) for share, (a, b) in sides.items()}], confidence, rng)
        yield {"quantity": "halving share", "metric": measure.metric, **row(found)}


def _less(one: Scores, other: Scores, measure: Measure) -> Scores:
    """`one` less `other`, seed by seed and face by face, where more is better."""
    if one.values.shape != other.values.shape or (one.person != other.person).any():
        raise DataError(f"{measure.metric}: the arms translated other faces; run measure again")
    return _times(replace(one, values=one.values - other.values), _sign(measure))


def _times(of: Scores, factor: float) -> Scores:
    return replace(of, values=factor * of.values)


def _sign(measure: Measure) -> int:
    return 1 if measure.metric in MORE_IS_BETTER else -1


def _tested(of: Scores, measure: Measure) -> Scored:
    return Scored(_sign(measure) * of.values, of.person, (np.ones(len(of.person), bool),))
