"""Pseudo-labels: calibrated on half the training part, accepted, or queued."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import binomtest

from facegap.errors import DataError
from facegap.partition.measured import calibration_rows, precision_rows
from facegap.partition.merge import evidence_of, merged_answers
from facegap.partition.pseudo_labels import (
    accept,
    accept_pseudo_labels,
    platt,
    pseudo_labelled,
    threshold_for,
)
from facegap.parts import CALIBRATION, SELECTION, halves
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


def parted(faces: pd.DataFrame) -> pd.DataFrame:
    """The faces, their whole training part as the half that calibrates."""
    return faces.assign(split=faces["split"].replace("train", "calibration"))


def accepted(parts: dict[str, pd.DataFrame], **change: Any) -> Any:
    known = pseudo_labelled(**{**parts, "faces": parted(parts["faces"])}, by_person=True)
    return accept(known, **{"precision": 0.95, "confidence": 0.9, **change})


def measured(parts: dict[str, pd.DataFrame], table: pd.DataFrame) -> tuple[Any, Any]:
    """Precision by part, and the calibration."""
    faces = parted(parts["faces"])
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


@pytest.mark.parametrize("apart", [0.5, 2.0, 8.0, 60.0])
@pytest.mark.parametrize("count", [12, 300])
def test_the_curve_is_the_most_likely_one_of_platts_targets(apart: float, count: int) -> None:
    """His likelihood, written out and maximised by another method; of sides apart, too."""
    rng = np.random.default_rng(3)
    inside = np.arange(count) % 3 > 0
    score = np.clip(np.where(inside, apart, -apart) + rng.normal(0, 1.5, count), -13.8, 13.8)
    yes, no = inside.sum(), (~inside).sum()
    target = np.where(inside, (yes + 1) / (yes + 2), 1 / (no + 2))

    def wrongness(curve: np.ndarray) -> float:
        probability = np.clip(expit(curve[0] * score + curve[1]), 1e-300, 1 - 1e-16)
        found = target * np.log(probability) + (1 - target) * np.log(1 - probability)
        return -float(found.sum())

    best = minimize(
        wrongness,
        [0.1, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
    )
    assert platt(score, inside) == pytest.approx(tuple(best.x), rel=1e-4, abs=1e-4)


@pytest.mark.filterwarnings("error")
def test_scores_that_are_all_alike_have_the_sides_shares() -> None:
    inside = np.arange(40) < 30
    slope, intercept = platt(np.full(40, 2.0), inside)
    shares = np.where(inside, 31 / 32, 1 / 12).mean()
    assert expit(intercept) == pytest.approx(shares, abs=1e-4)
    assert slope == pytest.approx(0, abs=1e-6)


def test_the_precision_asked_for_is_reached_where_it_was_chosen() -> None:
    faces = []
    for precision in (0.8, 0.9, 0.97):
        table, queue, facts = accepted(study(persons=1200), precision=precision)
        rows, _ = measured(study(persons=1200), table)
        assert rows["calibration"]["estimate"] >= precision
        assert rows["test"]["high"] > precision
        faces.append(table["accepted"].sum())
        assert facts["accepted_faces"] == faces[-1]
        assert facts["queued_persons"] == len(queue)
    assert faces == sorted(faces, reverse=True)


def shown(sure: Any, right: Any, person: Any = None, precision: float = 0.8) -> float:
    """The threshold at which a precision is shown with 90%; of 0.8 that takes 11 persons."""
    who = np.arange(len(sure)) if person is None else np.array(person)
    rule = {"precision": precision, "confidence": 0.9}
    return threshold_for(np.array(sure), np.array(right, bool), who, **rule)


def test_the_threshold_is_the_last_before_one_that_cannot_be_shown() -> None:
    """By scipy's exact test of more than 0.8: 11 of 11, 18 of 19 and 25 of 27 show it."""
    sure = np.linspace(0.99, 0.6, 30)
    none = float("inf")
    assert shown(sure[:11], [True] * 11) == sure[10]
    assert shown(sure[:10], [True] * 10) == none, "fewer cannot tell such a precision"
    assert shown(sure, [True] * 12 + [False] + [True] * 17) == sure[11], "what follows has no say"
    assert shown(sure, [True] * 19 + [False] + [True] * 10) == sure[29]
    assert shown(sure, [False] + [True] * 29) == none
    assert shown(sure[:0], []) == none
    expected = [
        binomtest(int(sum(right)), n, 0.8, "greater").pvalue <= 0.1
        for n in range(11, 31)
        for right in [([True] * 19 + [False] + [True] * 10)[:n]]
    ]
    assert all(expected)


def test_persons_count_and_one_with_a_wrong_face_is_wrong() -> None:
    faces = np.linspace(0.99, 0.6, 22)
    twice = np.repeat(np.arange(11), 2)
    assert shown(faces, [True] * 22, twice) == faces[21]
    assert shown(faces[:20], [True] * 20, twice[:20]) == float("inf"), "ten persons"
    wrong = np.ones(22, bool)
    wrong[3] = False
    assert shown(faces, wrong, twice) == float("inf")
    assert shown(faces, [True] * 22, np.zeros(22, int)) == float("inf"), "one person"


def test_faces_that_are_equally_sure_are_accepted_together() -> None:
    tied = [0.99] * 11 + [0.98] * 2
    assert shown(tied, [True] * 13) == 0.98
    assert shown(tied, [True] * 12 + [False]) == 0.99


@pytest.mark.parametrize(
    ("persons", "precision", "spread"), [(80, 0.9, 2.0), (200, 0.9, 3.5), (600, 0.95, 3.5)]
)
def test_the_precision_is_missed_in_a_tenth_of_studies_at_most(
    persons: int, precision: float, spread: float
) -> None:
    """Simulated studies, whose classifier is stretched, and whose true precision is known."""
    rng, studies = np.random.default_rng(0), 200
    missed, accepted_share = 0, []
    for _ in range(studies):
        score = rng.normal(1, spread, 5 * persons)
        truth = rng.random(5 * persons) < expit(score)
        known = pd.DataFrame({"raw": expit(2 * score - 1), "label": None, "split": "rest"})
        known["label"] = known["label"].astype(object)
        known.loc[: persons - 1, "split"] = "calibration"
        known.loc[: persons - 1, "label"] = np.where(truth, "inside", "outside")[:persons]
        known = known.assign(
            person=np.arange(5 * persons), labelled=known["split"] == "calibration"
        )
        known = known.assign(face_id=known["person"].astype(str), own=known["raw"], subject_id=None)
        table, _, _ = accept(known, precision=precision, confidence=0.9)
        taken = table["accepted"].to_numpy(bool)
        inside = table["probability"].to_numpy() >= 0.5
        chance = np.where(inside, expit(score), expit(-score))  # of being right
        missed += bool(taken.any()) and chance[taken].mean() < precision
        accepted_share.append(taken.mean())
    assert missed / studies < 0.1
    assert np.mean(accepted_share) > (0.1 if spread < 3 else 0.25), "it is not bought by refusing"


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
    assert one["calibration"] == two["calibration"]
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
    accept_pseudo_labels(**inputs, **outputs, settings=settings, seed=1)
    table = read_table(outputs["calibrated"], CALIBRATED)
    assert not table["accepted"].any()
    queue = read_table(outputs["queue"], QUEUE)
    assert len(queue) == parts["faces"]["subject_id"][parts["faces"]["split"] == "rest"].nunique()
    facts = json.loads(metadata(outputs["calibrated"])["acceptance"])
    assert facts["threshold"] is None
    assert facts["accepted_faces"] == measured(parts, table)[0]["calibration"]["faces"] == 0
    strange = parts["pseudo_labels"].assign(face_id=lambda t: "x" + t["face_id"])
    write_table(strange, inputs["pseudo_labels"], PSEUDO_LABELS)
    with pytest.raises(DataError, match=r"pseudo_labels\.parquet: 800 faces are not in"):
        accept_pseudo_labels(**inputs, **outputs, settings=settings, seed=1)


def by_the_job(folder: Path, parts: dict[str, pd.DataFrame], **settings: float) -> pd.DataFrame:
    """CALIBRATED, of files, by seed 1."""
    schemas = {"faces": FACES, "labels": LABELS, "pseudo_labels": PSEUDO_LABELS}
    inputs = {name: folder / f"{name}.parquet" for name in schemas}
    for name, schema in schemas.items():
        write_table(parts[name], inputs[name], schema)
    outputs = {"calibrated": folder / "calibrated.parquet", "queue": folder / "queue.csv"}
    accept_pseudo_labels(**inputs, **outputs, settings=Partition(**settings), seed=1)
    return read_table(outputs["calibrated"], CALIBRATED)


def test_the_half_that_selects_has_no_say_either(tmp_path: Path) -> None:
    """Its labels turned around change nothing, those of the other half do."""
    parts = study()
    part = halves(parts["faces"], "target", 1).set_axis(parts["faces"]["face_id"])
    turned = parts["labels"]["side"].map({"inside": "outside", "outside": "inside"})
    found = {}
    for which in ("", SELECTION, CALIBRATION):
        here = parts["labels"]["face_id"].map(part) == which
        labels = parts["labels"].assign(side=parts["labels"]["side"].mask(here, turned))
        found[which] = by_the_job(tmp_path, {**parts, "labels": labels}, precision=0.9)
    assert found[""]["accepted"].any()
    pd.testing.assert_frame_equal(found[SELECTION], found[""])
    assert not found[CALIBRATION].equals(found[""])


def test_the_surer_it_is_to_be_the_fewer_are_accepted(tmp_path: Path) -> None:
    counts = [
        by_the_job(tmp_path, study(), precision=0.9, confidence=confidence)["accepted"].sum()
        for confidence in (0.5, 0.9, 0.999)
    ]
    assert counts[0] > counts[1] > counts[2]
