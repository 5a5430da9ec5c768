"""Outcomes as they would be with right labels: of heads simulated and extrapolated (SIMEX)."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from facegap.errors import DataError
from facegap.groups import group_name
from facegap.measure.answers import of_one, persons_on
from facegap.measure.right_sides import error_of_sides, realism_rows
from facegap.measure.tasks import METRIC, numbered_persons, task_of
from facegap.settings.measure import Intervals
from facegap.statistics.interval import Interval, row
from facegap.statistics.performance import (
    Answers,
    Estimate,
    Measured,
    balanced_accuracy,
    clustered,
    gap,
    interval_of,
    negated,
    paired,
    sided_gap,
)
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.classify import MISLABELLED, MISLABELLED_TASKS
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of

Row = dict[str, Any]
Parts = Mapping[tuple[str, str], Answers]  # by trained on and data set
ByRate = dict[float, list[Estimate]]  # an estimate of each simulation
OUTCOMES: Mapping[str, tuple[str, Callable[[Parts], Measured]]] = {
    "transfer loss": (
        "balanced accuracy",
        lambda of: paired(
            balanced_accuracy(of["target", "target"]), balanced_accuracy(of["source", "target"])
        ),
    ),
    "transfer gap": (
        "balanced accuracy",
        lambda of: gap(
            balanced_accuracy(of["source", "source"]), balanced_accuracy(of["source", "target"])
        ),
    ),
    "group gap": ("accuracy", lambda of: sided_gap(of["source", "target"])),
}
PEOPLE = "provenance: people"
FEWEST = 3  # rates of further error


class Extrapolated(NamedTuple):
    """An outcome with an error of so much taken off."""

    estimate: float
    error: float  # standard error
    slope: float  # by which it moves with the error taken off


def measure_label_error(
    *,
    mislabelled: Path,
    mislabelled_tasks: list[Path],
    faces: list[Path],
    partition_estimates: Path,
    agreement_estimates: Path,
    realism: list[Path],
    roles: Path | None,
    estimates: Path,
    study: str,
    datasets: list[str],
    intervals: Intervals,
) -> None:
    """Write outcomes with and without the error of people's labels (ESTIMATES).

    `mislabelled` (MISLABELLED) has the answers with further errors, `mislabelled_tasks`
    (MISLABELLED_TASKS) those of tasks beside the boundary. The error of the labels that
    people agree on is in `partition_estimates`; if annotators erred alike it would be that of a
    single answer, in `agreement_estimates`. Of `realism` (ESTIMATES) the gaps are corrected for the
    measured faces that lie on the other side, of which `roles` (ESTIMATES) has the numbers; without
    them not at all.
    `faces` (FACES) are in the order of `datasets`.
    """
    places = dict(zip(datasets, faces, strict=True))
    table = read_table(mislabelled, MISLABELLED)
    table = table.merge(persons_on(places), on=["dataset", "face_id"])
    errors = {
        "no error": _error(partition_estimates, "label error", PEOPLE),
        "errors alike": _error(agreement_estimates, "answer error", "all"),
    }
    level = intervals.confidence
    rows: list[Row] = []
    for outcome, by_rate in _by_rate(table, level).items():
        about = {"metric": OUTCOMES[outcome][0], "task": "boundary"}
        rows += [{**about, **row} for row in outcome_rows(outcome, by_rate, errors, level)]
    on = numbered_persons(places)
    for path in mislabelled_tasks:
        of_task = read_table(path, MISLABELLED_TASKS)
        for outcome, by_rate in _of_task(of_task, on, level).items():
            about = {"metric": METRIC, "task": str(of_task["task"].iloc[0])}
            rows += [{**about, **row} for row in outcome_rows(outcome, by_rate, errors, level)]
    if roles:
        sides = {
            "no error": error_of_sides(roles),
            "errors alike": error_of_sides(roles, errors["errors alike"]),
        }
        rows += realism_rows(realism, sides, level)
    write_table(table_of(rows, study), estimates, ESTIMATES)


def outcome_rows(
    outcome: str,
    by_rate: Mapping[float, list[Estimate]],
    errors: Mapping[str, Interval],
    confidence: float,
) -> Iterator[Row]:
    """A row as the labels are, and one with each of `errors` taken off."""
    about: Row = {"quantity": "without label error"}
    (now,) = by_rate[0.0]
    z = float(special.ndtri((1 + confidence) / 2))
    for name, error in {"as they are": None, **errors}.items():
        group = group_name({"outcome": outcome, "labels": name})
        if error is None:
            yield {**about, "group": group, **row(now.interval), "standard_error": now.error}
        elif np.isnan(error).any() or len(by_rate) < 1 + FEWEST:
            yield {**about, "group": group}  # nobody knows how often, or what errors do
        else:
            found = extrapolated(by_rate, error.estimate)
            doubt = found.slope * (error.high - error.low) / (2 * z)
            spread = (found.error**2 + doubt**2) ** 0.5
            reach = float(special.stdtrit(now.freedom, (1 + confidence) / 2)) * spread
            ends = Interval(found.estimate, found.estimate - reach, found.estimate + reach)
            yield {
                **{**about, "group": group, "share": error.estimate},
                **{**row(ends), "standard_error": spread},
            }


def extrapolated(by_rate: Mapping[float, list[Estimate]], error: float) -> Extrapolated:
    """Where a parabola over the rates of further error leads to at -`error`.

    The variance is what the mean variance less that between simulations leads to there, in the
    same way, and never less than without extrapolation; and what the chance of few simulations
    moves the parabola by.
    """
    rates = np.array(sorted(by_rate))
    estimates = [np.array([each.interval.estimate for each in by_rate[rate]]) for rate in rates]
    between = np.array([values.var(ddof=1) if len(values) > 1 else 0.0 for values in estimates])
    errors = [np.mean([each.error**2 for each in by_rate[rate]]) for rate in rates]
    curve = np.polynomial.Polynomial.fit(rates, [values.mean() for values in estimates], 2)
    spread = np.polynomial.Polynomial.fit(rates, np.array(errors) - between, 2)
    weights = np.vander([-error], 3) @ np.linalg.pinv(np.vander(rates, 3))
    simulations = np.array([len(values) for values in estimates])
    chance = float((weights[0] ** 2 * between / simulations).sum())
    variance = max(float(spread(-error)), by_rate[0.0][0].error ** 2) + chance
    return Extrapolated(float(curve(-error)), variance**0.5, float(curve.deriv()(-error)))


def _by_rate(table: pd.DataFrame, confidence: float) -> dict[str, ByRate]:
    """Each outcome in each simulation, by rate."""
    found: dict[str, ByRate] = {name: {} for name in OUTCOMES}
    right = of_one(table[table["dataset"] == "source"])
    of_target = table[table["dataset"] == "target"]
    for (rate, _), own in of_target.groupby(["rate", "simulation"], sort=True):
        parts = {(str(name), "target"): of_one(part) for name, part in own.groupby("trained_on")}
        parts["source", "source"] = right
        for outcome, (_, measure) in OUTCOMES.items():
            found[outcome].setdefault(float(str(rate)), []).append(
                interval_of(measure(parts), confidence)
            )
    return found


def _of_task(table: pd.DataFrame, persons: pd.DataFrame, confidence: float) -> dict[str, ByRate]:
    """A task's interaction and advantages in the target, of its own heads; none without rows."""
    found: dict[str, ByRate] = {}
    for (rate, _), own in table.groupby(["rate", "simulation"], sort=True):
        task = task_of(own, persons)
        measured = {"interaction": task.interaction("target", "target", METRIC)}
        for side in SIDES:
            apart = task.apart("target", "target", side, METRIC)
            measured[f"own-side advantage, {side}"] = apart if side == "inside" else negated(apart)
        for outcome, each in measured.items():
            by_rate = found.setdefault(outcome, {})
            by_rate.setdefault(float(str(rate)), []).append(
                interval_of(clustered(each), confidence)
            )
    return {outcome: by_rate for outcome, by_rate in found.items() if 0.0 in by_rate}


def _error(place: Path, quantity: str, group: str) -> Interval:
    table = read_table(place, ESTIMATES)
    own = table[(table["quantity"] == quantity) & (table["group"] == group)]
    if own.empty:
        raise DataError(f"{place}: no {quantity} of {group}; run its stage again")
    return Interval(*own.iloc[0][list(Interval._fields)].astype(float))
