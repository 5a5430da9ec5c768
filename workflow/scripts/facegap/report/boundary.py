"""What the section "What the boundary does" shows: rows of ESTIMATES; nothing is computed."""

from typing import Any

import pandas as pd

from facegap.report.rows import as_rows, one, rows_of
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


def boundary(measured: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Of all tasks together and of each: the interaction, what it consists of, and the verdict."""
    alpha = 1 - study.measure.intervals.confidence
    tasks = study.classify.tasks.labels
    return [_task(measured, name, alpha) for name in (*(["all"] if tasks else []), *tasks)]


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
    interaction = shown["interaction"]
    p = interaction["p"] if interaction["adjusted_p"] is None else interaction["adjusted_p"]
    both = all((shown[side]["low"] or 0) > 0 for side in SIDES)
    found = "own effect" if both else "scale"
    if p is None or p >= alpha:
        found = "nothing"
    elif interaction["estimate"] < 0:
        found = "below zero"
    return {
        "name": name,
        "found": found,
        **{"shares": shown, "odds": scales["log odds"]},
        "sets": as_rows(rows_of(measured, "data-set effect", task=name)),
        "apart": as_rows(rows_of(measured, "interaction difference", task=name)),
        "halving": one(measured, "halving share", task=name),
        "training_faces": one(measured, "training faces", task=name),
    }
