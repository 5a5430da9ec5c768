"""What the sides are worth: counts, their error, the precision of the accepted pseudo-labels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.boundary import sides_of
from facegap.files import write_json
from facegap.groups import group_name
from facegap.partition.errors import label_error, true_error
from facegap.partition.merge import counts
from facegap.parts import CALIBRATION
from facegap.settings.acquire import OwnLabel
from facegap.settings.measure import Intervals
from facegap.statistics.interval import Interval, row
from facegap.statistics.proportions import correlated_wilson
from facegap.tables.acquire import FACES
from facegap.tables.base import SIDES, metadata, read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of
from facegap.tables.partition import EVIDENCE, FACE_SIDES

Row = dict[str, Any]
BINS = np.linspace(0, 1, 11)
NOTHING_ACCEPTED = {"threshold": None, "accepted_faces": 0, "queued_persons": 0, "curve": None}


def measure_sides(
    *,
    faces: Path,
    evidence: Path,
    sides: Path,
    calibrated: Path | None,
    agreement_estimates: Path | None,
    summary: Path,
    estimates: Path,
    own_label: OwnLabel | None,
    intervals: Intervals,
    study: str,
) -> None:
    """Write the `summary` of the `sides` (FACE_SIDES), as JSON, and their `estimates` (ESTIMATES).

    Apart from the sides, since nothing is trained on it. `evidence` (EVIDENCE) is what the sides
    come from. The `calibrated` pseudo-labels, whose metadata says how they were accepted, and the
    `agreement_estimates` (ESTIMATES, of annotate) are absent where the target labels itself.
    `own_label` defines the truth of the drawn `faces` (FACES) that a program labelled.
    """
    table, known = read_table(faces, FACES), read_table(evidence, EVIDENCE)
    decided = read_table(sides, FACE_SIDES)
    simulated, confidence = bool(decided["simulated"].any()), intervals.confidence
    accepted = NOTHING_ACCEPTED
    if calibrated is not None:
        accepted = json.loads(metadata(calibrated)["acceptance"])
    facts = {
        **counts(decided),
        "persons": int(table["subject_id"].nunique()),
        "simulated": simulated,
        **accepted,
    }
    write_json(facts, summary)
    error = None if agreement_estimates is None else _answer_error(agreement_estimates)
    truth = None
    if simulated and own_label is not None:
        truth = sides_of(table, own_label, faces).set_axis(table["face_id"])
    rows: list[Row] = []
    for side in (None, *SIDES):
        factors = {} if side is None else {"side": side}
        parts = label_error(known, decided, error, confidence, side)
        if truth is not None:
            placed = decided if side is None else decided[decided["side"] == side]
            parts["all"]["truth"] = true_error(placed, truth)[0]
        for name, part in parts.items():
            group = group_name(factors if name == "all" else {"provenance": name, **factors})
            rows.append({"quantity": "label error", "group": group, **part})
    if calibrated is not None:
        rows += [*precision_rows(known, confidence), *calibration_rows(known)]
    write_table(table_of(rows, study), estimates, ESTIMATES)


def precision_rows(known: pd.DataFrame, confidence: float) -> Iterator[Row]:
    """The precision of the accepted pseudo-labels, of `known` (EVIDENCE).

    On the part that the threshold was chosen on (calibration), and on that which had no say.
    """
    for split in (CALIBRATION, "test"):
        taken = known[(known["split"] == split) & known["label"].notna() & known["accepted"]]
        right = (taken["probability"] >= 0.5) == (taken["label"] == "inside")
        yield {
            "quantity": "pseudo-label precision",
            "group": group_name({"part": split}),
            **row(correlated_wilson(right, taken["subject"], confidence)),
            "faces": len(taken),
            "persons": int(taken["subject"].nunique()),
        }


def calibration_rows(known: pd.DataFrame) -> Iterator[Row]:
    """Of labelled test faces, by tenths of the calibrated probability, the share inside."""
    test = known[(known["split"] == "test") & known["label"].notna() & known["probability"].notna()]
    inside, probability = test["label"] == "inside", test["probability"]
    bins = np.clip(np.digitize(probability, BINS) - 1, 0, len(BINS) - 2)
    for k in np.unique(bins):
        yield {
            "quantity": "pseudo-label calibration",
            "group": group_name({"bin": str(k)}),
            "share": float(probability[bins == k].mean()),
            "estimate": float(inside[bins == k].mean()),
            "faces": int((bins == k).sum()),
        }


def _answer_error(place: Path) -> Interval | None:
    """The error of one answer in the estimates of annotate; None where it is not known."""
    table = read_table(place, ESTIMATES).set_index("quantity")
    error = Interval(*table.loc["answer error", list(Interval._fields)].astype(float))
    return None if np.isnan(error).any() else error
