"""What the section "What the boundary does" shows: rows of ESTIMATES; nothing is computed."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facegap.configurations import fine_tuned
from facegap.groups import group_values
from facegap.quantity import PRIMARY, REALISM
from facegap.report.rows import Row, as_rows, one, rows_of
from facegap.settings.study import Study
from facegap.tables.base import SIDES


def learning_curve(measured: pd.DataFrame) -> dict[str, Any]:
    """The numbers of labelled faces, the fewest first, what they reach, and the break-even."""
    rows = as_rows(rows_of(measured, "learning curve"))
    worth = one(measured, "break-even faces")
    return {
        "rows": sorted(rows, key=lambda row: row["answers"]),
        "worth": worth,
        "transferred": one(measured, "performance", model=worth["model"]),
    }


def arms(measured: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Of generators of either side: each primary measure, the other measures, and the dose."""
    alpha = 1 - study.measure.intervals.confidence
    tests = rows_of(measured, "realism interaction", attribute=None, group="all")
    rows = sorted(as_rows(tests), key=lambda row: REALISM.index(row["metric"]))
    found: list[dict[str, Any]] = []
    for interaction in rows:
        about = {"metric": interaction["metric"], "attribute": None}
        advantages = {
            side: one(measured, "realism advantage", **about, group=f"side: {side}")
            for side in SIDES
        }
        shown = {"interaction": interaction, **advantages}
        found.append({**shown, "found": _found(shown, alpha)})
    family = f"interaction, {PRIMARY}"
    first = [row for row in found if row["interaction"]["family"] == family]
    halving = rows_of(measured, "halving share", task=None)
    return {
        "primary": first,
        "further": [row for row in found if row not in first],
        "matching": as_rows(rows_of(measured, "matching")),
        "halving": as_rows(halving),
    }


def gap_parts(measured: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each gap of the selected configuration: its parts by name, and how far groups overlap."""
    table = rows_of(measured, "part of the gap")
    overlaps = as_rows(rows_of(measured, "overlap"))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in as_rows(table):
        values = group_values(row["group"])
        own = found.setdefault((values["gap"], row["tested_on"]), {"parts": {}, "overlap": {}})
        own["parts"][values["part"]] = row
    for row in overlaps:
        values = group_values(row["group"])
        found[values["gap"], row["tested_on"]]["overlap"][values["made alike"]] = row
    return [
        {"gap": gap, "tested_on": tested_on, **own, **_named_part(own["parts"])}
        for (gap, tested_on), own in found.items()
    ]


def multiverse(measured: pd.DataFrame) -> dict[str, Row]:
    """What the readings agree on."""
    names = {"above": "above zero", "below": "below zero", "median": "median"}
    return {key: one(measured, "multiverse", metric=metric) for key, metric in names.items()}


def right_labels(measured: pd.DataFrame) -> dict[str, dict[str, Row]]:
    """Of each outcome: as the labels are, and with their error taken off."""
    found: dict[str, dict[str, Row]] = {}
    for row in as_rows(rows_of(measured, "without label error")):
        values = group_values(row["group"])
        of_task = "" if row["task"] in (None, "boundary") else f" of {row['task']}"
        outcome, *side = values["outcome"].split(", ")
        of_task = f" in {row['metric']}" if outcome.startswith("realism") else of_task
        found.setdefault(", ".join([outcome + of_task, *side]), {})[values["labels"]] = row
    return found


def _named_part(parts: Mapping[str, Row]) -> dict[str, Any]:
    """Which part is shown to be more than nothing, and is the largest of those."""
    shown = [
        (abs(row["estimate"]), name)
        for name, row in parts.items()
        if name not in ("all", "remainder") and row["low"] is not None
        if row["low"] * row["high"] > 0
    ]
    return {"largest": max(shown)[1] if shown else None}


def _found(shown: Mapping[str, Row], alpha: float) -> str:
    """What an interaction and the advantages of either side say: own effect, scale, below zero or
    nothing.
    """
    interaction = shown["interaction"]
    p = interaction["p"] if interaction["adjusted_p"] is None else interaction["adjusted_p"]
    both = all((shown[side]["low"] or 0) > 0 for side in SIDES)
    if p is None or p >= alpha:
        return "nothing"
    if interaction["estimate"] < 0:
        return "below zero"
    return "own effect" if both else "scale"


def boundary(measured: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Of all tasks together and of each: the interaction, what it consists of, and the verdict."""
    alpha = 1 - study.measure.intervals.confidence
    tasks = study.classify.tasks.labels
    tails = map(fine_tuned, study.classify.tasks.fine_tuned.tasks)
    return [_task(measured, name, alpha) for name in (*(["all"] if tasks else []), *tasks, *tails)]


def _task(measured: pd.DataFrame, name: str, alpha: float) -> dict[str, Any]:
    """A task's rows; `found`: own effect, scale, below zero or nothing."""
    about = {"task": name, "trained_on": None, "tested_on": None}
    scales = {}
    for metric in ("balanced accuracy", "log odds"):
        scales[metric] = {
            "interaction": one(measured, "interaction", metric=metric, **about),
            **{
                side: one(
                    measured, "own-side advantage", metric=metric, group=f"side: {side}", **about
                )
                for side in SIDES
            },
        }
    shown = scales["balanced accuracy"]
    return {
        "name": name,
        "found": _found(shown, alpha),
        **{"shares": shown, "odds": scales["log odds"]},
        "sets": as_rows(rows_of(measured, "data-set effect", task=name)),
        "apart": as_rows(rows_of(measured, "interaction difference", task=name)),
        "halving": one(measured, "halving share", task=name),
        "training_faces": one(measured, "training faces", task=name),
    }
