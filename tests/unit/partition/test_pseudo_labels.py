"""Pseudo-labels: calibrated on the train part, accepted for a precision, the rest queued."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from facegap.errors import DataError
from facegap.partition.measured import calibration_rows, precision_rows
from facegap.partition.merge import evidence_of, merged_answers
from facegap.partition.pseudo_labels import (
    accept,
    accept_pseudo_labels,
    pseudo_labelled,
    threshold_for,
)
from facegap.settings.partition import Partition
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import metadata, read_table, write_table
from facegap.tables.classify import PSEUDO_LABELS
from facegap.tables.partition import CALIBRATED, QUEUE


def study(slope: float = 1.0, shift: float = 0.0, persons: int = 400) -> dict[str, pd.DataFrame]:
    """Persons of two pictures; a classifier whose logits are stretched and shifted."""
    rng = np.random.default_rng(7)
    inside = rng.random(persons) < 0.6
    logits = np.where(inside, 2.0, -2.0) + rng.normal(size=persons) * 1.5
    ids = [f"f{k:04}" for k in range(2 * persons)]
    split = np.repeat(rng.choice(["train", "test", "rest"], persons, p=[0.4, 0.3, 0.3]), 2)
    faces = pd.DataFrame(
        {
            "face_id": ids,
            "path": ids,
            "subject_id": [f"p{k // 2}" for k in range(2 * persons)],
            "split": split,
            "age": np.nan,
            "gender": None,
            "race_raw": None,
        }
    )
    raw = expit(slope * np.repeat(logits, 2) + shift + 0.1 * rng.normal(size=2 * persons))
    pseudo_labels = pd.DataFrame({"face_id": ids, "probability": raw})
    side = np.where(np.repeat(inside, 2), "inside", "outside")
    labels = pd.DataFrame({"face_id": ids, "side": side, "provenance": "agreed"})
    labels = labels.assign(annotators="a+b", simulated=True)[split != "rest"]
    return {"faces": faces, "labels": labels.reset_index(drop=True), "pseudo_labels": pseudo_labels}


def accepted(parts: dict[str, pd.DataFrame], **change: Any) -> Any:
    known = pseudo_labelled(**parts, by_person=True)
    return accept(known, **{"precision": 0.95, **change})


def measured(parts: dict[str, pd.DataFrame], table: pd.DataFrame) -> tuple[Any, Any]:
    """Precision by part, and the calibration."""
    faces = parts["faces"]
    known = evidence_of(
        faces, parts["labels"], table, merged_answers([]), faces["face_id"], by_person=True
    )
    rows = {row["group"].removeprefix("part: "): row for row in precision_rows(known, 0.95)}
    return rows, list(calibration_rows(known))


@pytest.mark.parametrize(("slope", "shift"), [(1, 0), (4, 0), (0.3, 1.5), (-1, 0)])
def test_calibration_undoes_what_stretches_shifts_or_turns_the_classifier(
    slope: float, shift: float
) -> None:
    parts = study(slope, shift)
    table, _, facts = accepted(parts)
    plain, _, _ = accepted(study())
    assert (table["accepted"] == plain["accepted"]).mean() > 0.9
    rows = measured(parts, table)[1]
    assert max(abs(row["share"] - row["estimate"]) for row in rows if row["faces"] > 20) < 0.15
    assert (facts["curve"]["slope"] > 0) == (slope > 0)


def test_the_precision_asked_for_is_reached_where_it_was_chosen() -> None:
    faces = []
    for precision in (0.8, 0.9, 0.97):
        table, queue, facts = accepted(study(), precision=precision)
        rows, _ = measured(study(), table)
        assert rows["train"]["estimate"] >= precision
        assert rows["test"]["high"] > precision
        faces.append(table["accepted"].sum())
        assert facts["accepted_faces"] == faces[-1]
        assert facts["queued_persons"] == len(queue)
    assert faces == sorted(faces, reverse=True)


def test_the_threshold_is_the_least_that_reaches_the_precision() -> None:
    sure = np.array([0.99, 0.98, 0.97, 0.96, 0.95, 0.94])
    right = np.array([True, True, True, False, True, True])
    person = np.arange(6)
    assert threshold_for(sure, right, person, 0.8) == 0.94
    assert threshold_for(sure[:5], right[:5], person[:5], 0.8) == 0.95
    assert threshold_for(sure[:4], right[:4], person[:4], 0.8) == float("inf")  # 3 of 4; 5 needed
    assert threshold_for(sure, right, np.zeros(6, int), 0.8) == float("inf")  # one person
    assert threshold_for(sure[:0], right[:0], person[:0], 0.8) == float("inf")
    tied = np.array([0.99] * 5 + [0.98] * 2)
    right = np.array([True] * 5 + [True, False])
    assert threshold_for(tied, right, np.arange(7), 0.85) == 0.98


def test_the_test_part_has_no_say() -> None:
    parts = study()
    before = accepted(parts)
    test = parts["labels"]["face_id"].isin(
        parts["faces"]["face_id"][parts["faces"]["split"] == "test"]
    )
    turned = parts["labels"]["side"].map({"inside": "outside", "outside": "inside"})
    labels = parts["labels"].assign(side=parts["labels"]["side"].mask(test, turned))
    after = accepted({**parts, "labels": labels})
    pd.testing.assert_frame_equal(before[0], after[0])
    one, two = (measured({**parts, "labels": of}, before[0])[0] for of in (parts["labels"], labels))
    assert one["train"] == two["train"]
    assert one["test"] != two["test"]


def test_the_queue_has_a_face_of_each_unplaced_person_the_most_uncertain_first() -> None:
    parts = study()
    table, queue, _ = accepted(parts)
    doubt = (queue["probability"] - 0.5).abs()
    assert doubt.is_monotonic_increasing
    assert queue["subject_id"].is_unique
    faces = parts["faces"].merge(table)
    waiting = faces[(faces["split"] == "rest") & ~faces["accepted"]]
    assert set(queue["subject_id"]) == set(waiting["subject_id"])
    assert len(queue)
    alone = {**parts, "faces": parts["faces"].assign(subject_id=None)}
    assert accepted(alone)[1]["face_id"].is_unique


def test_a_person_whose_labels_are_contentious_is_not_queued() -> None:
    parts = study()
    face = parts["faces"]["face_id"][parts["faces"]["subject_id"] == accepted(parts)[1].iloc[0, 1]]
    row = {"face_id": face.iloc[0], "side": None, "provenance": "contentious"}
    row |= {"annotators": "a+b", "simulated": True}
    labels = pd.concat([parts["labels"], pd.DataFrame([row])], ignore_index=True)
    queue = accepted({**parts, "labels": labels})[1]
    assert not queue["face_id"].isin(face).any()


def test_a_classifier_by_chance_places_nobody(tmp_path: Path) -> None:
    parts = study()
    rng = np.random.default_rng(1)
    parts["pseudo_labels"]["probability"] = rng.random(len(parts["pseudo_labels"]))
    schemas = {"faces": FACES, "labels": LABELS, "pseudo_labels": PSEUDO_LABELS}
    inputs = {name: tmp_path / f"{name}.parquet" for name in schemas}
    for name, schema in schemas.items():
        write_table(parts[name], inputs[name], schema)
    outputs = {"calibrated": tmp_path / "calibrated.parquet", "queue": tmp_path / "queue.csv"}
    settings = Partition(precision=0.95)
    accept_pseudo_labels(**inputs, **outputs, settings=settings)
    table = read_table(outputs["calibrated"], CALIBRATED)
    assert not table["accepted"].any()
    queue = read_table(outputs["queue"], QUEUE)
    assert len(queue) == parts["faces"]["subject_id"][parts["faces"]["split"] == "rest"].nunique()
    facts = json.loads(metadata(outputs["calibrated"])["acceptance"])
    assert facts["threshold"] is None
    assert facts["accepted_faces"] == measured(parts, table)[0]["train"]["faces"] == 0
    strange = parts["pseudo_labels"].assign(face_id=lambda t: "x" + t["face_id"])
    write_table(strange, inputs["pseudo_labels"], PSEUDO_LABELS)
    with pytest.raises(DataError, match=r"pseudo_labels\.parquet: 800 faces are not in"):
        accept_pseudo_labels(**inputs, **outputs, settings=settings)
