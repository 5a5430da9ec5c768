"""The primary outcome under other readings of the paper, of heads: each with its interval."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.groups import group_name
from facegap.measure.answers import of_one, persons_on
from facegap.measure.columns import difference
from facegap.settings.measure import Intervals, Primary
from facegap.statistics.performance import (
    METRICS,
    Measured,
    gap,
    interval_of,
    paired,
)
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import READINGS
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
READING = list(READINGS.columns)[:7]
COUNTED = ("balanced accuracy", "accuracy")  # the outcome is the gap or loss in either


def measure_multiverse(
    *,
    readings: Path,
    faces: list[Path],
    estimates: Path,
    study: str,
    datasets: list[str],
    primary: Primary,
    intervals: Intervals,
) -> None:
    """Write the outcome of each reading, and how many of them agree (ESTIMATES).

    `readings` (READINGS) are counted four ways: by balanced accuracy or accuracy, with or without
    the contentious faces of the test parts, if there are any. `faces` (FACES) are in the order of
    `datasets`.
    """
    persons = persons_on(dict(zip(datasets, faces, strict=True)))
    table = read_table(readings, READINGS).merge(persons, on=["dataset", "face_id"])
    rows: list[Row] = []
    for names, own in table.groupby(READING, sort=True):
        known = dict(zip(READING, names, strict=True))
        rows += _of_reading(known, own, primary.quantity, intervals.confidence)
    rows += _summary(rows)
    write_table(table_of(rows, study), estimates, ESTIMATES)


def _of_reading(
    names: dict[str, Any], own: pd.DataFrame, quantity: str, confidence: float
) -> Iterator[Row]:
    """A row for each way to count."""
    factors = {
        **{name: names[name] for name in ("backbone", "preprocessing", "activations")},
        "standardised": "yes" if names["standardise"] else "no",
        "training parts": names["terms"],
        "optimiser": f"{names['optimiser']} ({names['library']})",
    }
    for contentious, metric in product(("left out", "counted"), COUNTED):
        part = own[own["agreed"]] if contentious == "left out" else own
        if contentious == "counted" and own["agreed"].all():
            continue
        measured = _outcome(part, quantity, metric)
        if measured is not None:
            group = group_name({**factors, "contentious faces": contentious})
            found = difference(interval_of(measured, confidence), confidence)
            yield {"quantity": "reading", "metric": metric, "group": group, **found}


def _outcome(table: pd.DataFrame, quantity: str, metric: str) -> Measured | None:
    """None where a model has no answers, since its training diverged."""
    measure = METRICS[metric]
    pairs = [("source", "source"), ("source", "target")]
    if quantity == "transfer loss":
        pairs = [("target", "target"), ("source", "target")]
    found = []
    for trained_on, dataset in pairs:
        own = table[(table["trained_on"] == trained_on) & (table["dataset"] == dataset)]
        if own.empty:
            return None
        found.append(measure(of_one(own)))
    return paired(*found) if quantity == "transfer loss" else gap(*found)


def _summary(rows: list[Row]) -> Iterator[Row]:
    """How many readings there are, and what they agree on."""
    known = [row for row in rows if np.isfinite(row["low"])]
    about = {"quantity": "multiverse", "answers": len(rows)}
    if known:
        above = float(np.mean([row["low"] > 0 for row in known]))
        below = float(np.mean([row["high"] < 0 for row in known]))
        median = float(np.median([row["estimate"] for row in rows]))
        for metric, value in (("above zero", above), ("below zero", below), ("median", median)):
            yield {**about, "metric": metric, "estimate": value}
