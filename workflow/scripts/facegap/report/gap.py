"""The fall across the boundary: source minus target accuracy, and what may be said of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap import tables
from facegap.errors import DataError
from facegap.files import write_json
from facegap.intervals import Interval, of_cluster_difference, plain
from facegap.seeds import generator

CELL = ["backbone", "view", "tune_optimiser", "fine_tune_optimiser"]


def measure_gap(
    runs: str | Path,
    predictions: str | Path,
    source_faces: str | Path,
    target_faces: str | Path,
    gap: str | Path,
    *,
    planted: float | None,
    confidence: float,
    seed: int,
) -> None:
    """Write the gap of every fine-tuned cell trained on the source, and of all of them together.

    A face's repeats are averaged first and whole persons are drawn, so neither repeats nor a
    person's pictures count as independent. `planted` is the gap of drawn collections, None for
    real ones.
    """
    table = _answers(
        tables.read(runs, tables.RUNS),
        tables.read(predictions, tables.PREDICTIONS),
        {"source": source_faces, "target": target_faces},
    )
    cells = [
        {
            **dict(zip(CELL, map(str, names), strict=True)),
            **_gap(cell, confidence, seed, tuple(map(str, names))),
        }
        for names, cell in table.groupby(CELL, sort=True)
    ]
    pooled = _gap(table, confidence, seed, ("all",))
    found = Interval(**pooled["gap"])
    write_json(
        {
            "all": pooled,
            "cells": cells,
            "confidence": confidence,
            "planted": planted,
            "verdict": verdict(found, planted),
        },
        gap,
    )


def cell_name(cell: Mapping[str, Any]) -> str:
    """A cell of the grid in words: backbone, view, optimisers of tuning and fine-tuning."""
    backbone, view, tune, fine_tune = (str(cell[key]) for key in CELL)
    return f"{backbone}, {view}, {tune}/{fine_tune}"


def verdict(gap: Interval, planted: float | None) -> str:
    """What the interval of the gap allows to be said, and how it fits what was planted."""
    found = gap.low > 0
    if found:
        words = "The target's accuracy lies below the source's"
    elif gap.high < 0:
        words = "The target's accuracy lies above the source's"
    else:
        words = "No gap was found: the interval of the difference holds zero"
    if planted is None:
        return f"{words}."
    if planted > 0 and found:
        return f"The planted gap was found. {words}."
    if planted > 0:
        return f"The planted gap was missed. {words}."
    if found or gap.high < 0:
        return f"A gap was reported where none was planted. {words}."
    return "No gap was planted, and none was found: the interval of the difference holds zero."


def _answers(
    runs: pd.DataFrame, predictions: pd.DataFrame, faces: Mapping[str, str | Path]
) -> pd.DataFrame:
    """Right or wrong for every prediction of a fine-tuned run trained on the source."""
    wanted = runs[(runs["stage"] == "fine-tuned") & (runs["trained_on"] == "source")]
    table = predictions.merge(wanted[["run", *CELL]], on="run")
    table["right"] = (table["probability"] >= 0.5) == table["inside"]
    return table.merge(persons(faces), on=["dataset", "face_id"])


def persons(faces: Mapping[str, str | Path]) -> pd.DataFrame:
    """Who is on each face, of each data set; a face whose person is not known is a person."""
    parts = []
    for dataset, path in faces.items():
        known = tables.read(path, tables.FACES)[["face_id", "subject_id"]]
        known["person"] = known["subject_id"].fillna(known["face_id"])
        parts.append(known.assign(dataset=dataset)[["dataset", "face_id", "person"]])
    return pd.concat(parts)


def _gap(
    table: pd.DataFrame, confidence: float, seed: int, stream: tuple[str, ...]
) -> dict[str, Any]:
    by_face = table.groupby(["dataset", "face_id", "person"], sort=True)
    faces = by_face.agg(right=("right", "mean"), inside=("inside", "first")).reset_index()
    sets = dict(list(faces.groupby("dataset")))
    if lost := {"source", "target"} - set(sets):
        raise DataError(f"predictions: none of {', '.join(stream)} on the {lost.pop()}'s test part")
    source, target = sets["source"], sets["target"]
    difference = of_cluster_difference(
        (source["right"], source["person"]),
        (target["right"], target["person"]),
        generator(seed, "report", "gap", *stream),
        confidence,
    )
    return {
        "gap": plain(difference),
        "source_accuracy": float(np.mean(source["right"])),
        "target_accuracy": float(np.mean(target["right"])),
        "source_faces": len(source),
        "target_faces": len(target),
        "source_majority": _majority(source["inside"]),
        "target_majority": _majority(target["inside"]),
    }


def _majority(inside: "pd.Series[bool]") -> float:
    """Accuracy of the one answer that is right most often."""
    share = float(inside.mean())
    return max(share, 1 - share)
