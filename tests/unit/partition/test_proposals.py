"""Proposals: calibrated on the train part, accepted for a precision, the rest queued in order."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from facegap import tables
from facegap.errors import DataError
from facegap.partition.proposals import (
    accept,
    accept_proposals,
    proposed_persons,
    reached,
    threshold_for,
)


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
    said = expit(slope * np.repeat(logits, 2) + shift + 0.1 * rng.normal(size=2 * persons))
    proposals = pd.DataFrame({"face_id": ids, "probability": said})
    side = np.where(np.repeat(inside, 2), "inside", "outside")
    labels = pd.DataFrame({"face_id": ids, "side": side, "provenance": "agreed"})
    labels = labels.assign(annotators="a+b", simulated=True)[split != "rest"]
    return {"faces": faces, "labels": labels.reset_index(drop=True), "proposals": proposals}


def weighed(parts: dict[str, pd.DataFrame], **change: Any) -> Any:
    known = proposed_persons(**parts, by_person=True)
    table, queue, found = accept(known, **{"precision": 0.95, **change})
    return table, queue, found | reached(known, table, 0.95)


@pytest.mark.parametrize(("slope", "shift"), [(1, 0), (4, 0), (0.3, 1.5), (-1, 0)])
def test_calibration_undoes_what_stretches_shifts_or_turns_the_classifier(
    slope: float, shift: float
) -> None:
    table, _, found = weighed(study(slope, shift))
    plain, _, _ = weighed(study())
    assert (table["accepted"] == plain["accepted"]).mean() > 0.9
    gaps = [abs(row["said"] - row["inside"]) for row in found["reliability"] if row["faces"] > 20]
    assert max(gaps) < 0.15
    assert (found["calibration"]["slope"] > 0) == (slope > 0)


def test_the_precision_asked_for_is_reached_where_it_was_chosen() -> None:
    faces = []
    for precision in (0.8, 0.9, 0.97):
        table, queue, found = weighed(study(), precision=precision)
        assert found["chosen_on"]["estimate"] >= precision
        assert found["tested_on"]["high"] > precision
        faces.append(table["accepted"].sum())
        assert found["queued_persons"] == len(queue)
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
    said = np.array([True] * 5 + [True, False])
    assert threshold_for(tied, said, np.arange(7), 0.85) == 0.98


def test_the_test_part_has_no_say() -> None:
    parts = study()
    before = weighed(parts)
    test = parts["labels"]["face_id"].isin(
        parts["faces"]["face_id"][parts["faces"]["split"] == "test"]
    )
    turned = parts["labels"]["side"].map({"inside": "outside", "outside": "inside"})
    after = weighed(
        {**parts, "labels": parts["labels"].assign(side=parts["labels"]["side"].mask(test, turned))}
    )
    pd.testing.assert_frame_equal(before[0], after[0])
    assert before[2]["chosen_on"] == after[2]["chosen_on"]
    assert before[2]["tested_on"] != after[2]["tested_on"]


def test_the_queue_has_a_face_of_each_unplaced_person_the_most_uncertain_first() -> None:
    parts = study()
    table, queue, _ = weighed(parts)
    doubt = (queue["probability"] - 0.5).abs()
    assert doubt.is_monotonic_increasing
    assert queue["subject_id"].is_unique
    faces = parts["faces"].merge(table)
    waiting = faces[(faces["split"] == "rest") & ~faces["accepted"]]
    assert set(queue["subject_id"]) == set(waiting["subject_id"])
    assert len(queue)
    alone = {**parts, "faces": parts["faces"].assign(subject_id=None)}
    assert weighed(alone)[1]["face_id"].is_unique


def test_a_person_whose_labels_are_contentious_is_not_queued() -> None:
    parts = study()
    face = parts["faces"]["face_id"][parts["faces"]["subject_id"] == weighed(parts)[1].iloc[0, 1]]
    row = {"face_id": face.iloc[0], "side": None, "provenance": "contentious"}
    row |= {"annotators": "a+b", "simulated": True}
    labels = pd.concat([parts["labels"], pd.DataFrame([row])], ignore_index=True)
    queue = weighed({**parts, "labels": labels})[1]
    assert not queue["face_id"].isin(face).any()


def test_a_classifier_by_chance_places_nobody(tmp_path: Path) -> None:
    parts = study()
    rng = np.random.default_rng(1)
    parts["proposals"]["probability"] = rng.random(len(parts["proposals"]))
    for name, schema in (("faces", tables.FACES), ("labels", tables.LABELS)):
        tables.write(parts[name], tmp_path / f"{name}.parquet", schema)
    tables.write(parts["proposals"], tmp_path / "proposals.parquet", tables.PROPOSALS)
    inputs = [tmp_path / f"{name}.parquet" for name in ("faces", "labels", "proposals")]
    outputs = [tmp_path / name for name in ("weighed.parquet", "queue.csv")]
    settings = {"by_person": True, "precision": 0.95}
    accept_proposals(*inputs, *outputs, **settings)  # type: ignore[arg-type]
    assert not tables.read(outputs[0], tables.WEIGHED)["accepted"].any()
    queue = tables.read(outputs[1], tables.QUEUE)
    assert len(queue) == parts["faces"]["subject_id"][parts["faces"]["split"] == "rest"].nunique()
    _, _, found = weighed(parts)
    assert found["threshold"] is None
    assert found["chosen_on"]["accepted_faces"] == 0
    strange = parts["proposals"].assign(face_id=lambda t: "x" + t["face_id"])
    tables.write(strange, inputs[2], tables.PROPOSALS)
    with pytest.raises(DataError, match=r"proposals\.parquet: 800 faces are not in"):
        accept_proposals(*inputs, *outputs, **settings)  # type: ignore[arg-type]
