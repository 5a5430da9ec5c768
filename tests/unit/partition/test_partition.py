"""Every face gets exactly one outcome, in the order of trust; the error estimate is honest."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.answers import read_answers
from facegap.errors import DataError
from facegap.partition.errors import label_error
from facegap.partition.measured import measure_sides
from facegap.partition.merge import (
    counts,
    decide,
    evidence_of,
    merged_answers,
    partition_target,
)
from facegap.settings.annotate import Person
from facegap.settings.measure import Intervals
from facegap.settings.partition import Partition
from facegap.statistics.interval import Interval
from facegap.tables.acquire import FACES, SPLITS
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES, estimates
from facegap.tables.partition import CALIBRATED, EVIDENCE, FACE_SIDES

THRESHOLD = 0.9  # of the pseudo-labels that count as accepted here
NOBODY = merged_answers([])
# person, split, label (i, o, contentious c, none -), probability (None: none), has a crop
Row = tuple[str | None, str, str, float | None, bool]
LABEL = {"i": ("inside", "agreed"), "o": ("outside", "agreed"), "c": (None, "contentious")}


def study(rows: Iterable[Row]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, "pd.Series[str]"]:
    """Faces, labels, calibrated pseudo-labels and aligned ids of `rows`; face i is called f<i>."""
    rows = list(rows)
    ids = [f"f{i:05}" for i in range(len(rows))]
    faces = pd.DataFrame(
        {"face_id": ids, "subject_id": [r[0] for r in rows], "split": [r[1] for r in rows]}
    ).astype({"subject_id": "str"})
    labels = pd.DataFrame(
        [
            (face, *LABEL[row[2]], "a+b", True)
            for face, row in zip(ids, rows, strict=True)
            if row[2] != "-"
        ],
        columns=list(LABELS.columns),
    ).astype({"side": "str", "provenance": "str"})
    calibrated = pd.DataFrame(
        [
            (face, row[3], max(row[3], 1 - row[3]) >= THRESHOLD)
            for face, row in zip(ids, rows, strict=True)
            if row[3] is not None
        ],
        columns=list(CALIBRATED.columns),
    ).astype({"face_id": "str", "probability": float, "accepted": bool})
    aligned = pd.Series([f for f, row in zip(ids, rows, strict=True) if row[4]], dtype="str")
    return faces, labels, calibrated, aligned


def known_of(
    rows: Iterable[Row], verified: pd.DataFrame = NOBODY, *, by_person: bool = True
) -> pd.DataFrame:
    faces, labels, calibrated, aligned = study(rows)
    faces["split"] = faces["split"].replace("train", "calibration")
    return evidence_of(faces, labels, calibrated, verified, aligned, by_person=by_person)


def outcomes(
    rows: Iterable[Row],
    verified: pd.DataFrame = NOBODY,
    *,
    by_person: bool = True,
    contentious: str = "outside",
) -> list[tuple[str, str]]:
    sides = decide(known_of(rows, verified, by_person=by_person), contentious=contentious)
    return list(zip(sides["side"].fillna("left out"), sides["provenance"], strict=True))


def checked(*answers: dict[str, str]) -> pd.DataFrame:
    """What verifiers answer, by face; each is a verifier."""
    return merged_answers(
        [
            pd.DataFrame({"face_id": list(side), "side": list(side.values()), "showing": 0})
            for side in answers
        ]
    )


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([("p", "test", "i", 0.01, True)], ("inside", "agreed")),
        ([("p", "test", "o", 0.99, False)], ("outside", "agreed")),
        ([("p", "test", "c", 0.99, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.95, True)], ("inside", "pseudo-label")),
        ([("p", "rest", "-", 0.05, True)], ("outside", "pseudo-label")),
        ([("p", "rest", "-", 0.6, True)], ("left out", "no label")),
        ([(None, "rest", "-", None, True)], ("left out", "no label")),
        ([(None, "rest", "-", None, False)], ("left out", "no face")),
        ([("p", "rest", "-", 0.99, True), ("p", "test", "o", 0, True)], ("outside", "by person")),
        ([("p", "test", "c", 0.99, True), ("p", "test", "o", 0, True)], ("outside", "contentious")),
        ([("p", "test", "c", 0.99, True), ("p", "test", "i", 0, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.99, True), ("p", "test", "c", 0, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.99, True), ("q", "test", "o", 0, True)], ("inside", "pseudo-label")),
        (
            [(None, "rest", "-", 0.99, True), (None, "rest", "-", 0, True)],
            ("inside", "pseudo-label"),
        ),
        (
            [
                ("p", "rest", "-", 0.99, True),
                ("p", "test", "o", 0, True),
                ("p", "test", "i", 0, True),
            ],
            ("outside", "contentious"),
        ),
    ],
)
def test_the_order_of_trust(rows: list[Row], outcome: tuple[str, str]) -> None:
    assert outcomes(rows)[0] == outcome


def test_settings_change_what_they_say() -> None:
    rows: list[Row] = [("p", "rest", "-", 0.85, True), ("p", "test", "o", 0.85, True)]
    assert outcomes(rows, by_person=False)[0] == ("left out", "no label")
    assert outcomes(rows)[0] == ("outside", "by person")
    disputed: list[Row] = [("p", "test", "c", 0.85, True)]
    for where in ("inside", "outside", "left out"):
        assert outcomes(disputed, contentious=where) == [(where, "contentious")]


@pytest.mark.parametrize(
    ("verified", "outcome"),
    [
        (checked({"f00000": "outside"}), ("outside", "verified")),
        (checked({"f00000": "outside"}, {"f00000": "outside"}), ("outside", "verified")),
        (checked({"f00001": "inside"}), ("inside", "verified")),  # of the person's other picture
        (checked({"f00000": "outside"}, {"f00000": "inside"}), ("outside", "contentious")),
        (checked({"f00000": "unsure"}), ("outside", "contentious")),
        (checked({"f00000": "inside", "f00001": "outside"}), ("outside", "contentious")),
        (checked({"f00002": "inside"}), ("inside", "pseudo-label")),  # somebody else
    ],
)
def test_a_verified_person_needs_no_pseudo_label(
    verified: pd.DataFrame, outcome: tuple[str, str]
) -> None:
    rows: list[Row] = [
        ("p", "rest", "-", 0.99, True),
        ("p", "rest", "-", 0.99, True),
        ("q", "rest", "-", 0.5, True),
    ]
    assert outcomes(rows, verified)[0] == outcome


def test_a_verification_changes_no_label_by_people() -> None:
    rows: list[Row] = [("p", "test", "i", 0.5, True), ("p", "rest", "-", 0.5, True)]
    sides = outcomes(rows, checked({"f00000": "outside", "f00001": "outside"}))
    assert sides == [("inside", "agreed"), ("inside", "by person")]


ROW = st.tuples(
    st.sampled_from([None, "p", "q", "r"]),
    st.sampled_from(SPLITS),
    st.sampled_from("ioc--"),
    st.none() | st.sampled_from([0.0, 0.05, 0.5, 0.9, 0.95, 1.0]),
    st.booleans(),
)


ERROR = Interval(0.04, 0.02, 0.06)
ANSWER = st.sampled_from(["inside", "outside", "unsure"])


@settings(max_examples=60)
@given(
    st.lists(ROW, min_size=1, max_size=25),
    st.lists(st.dictionaries(st.integers(0, 24), ANSWER, max_size=8), max_size=2),
    st.booleans(),
    st.sampled_from(["outside", "left out"]),
)
def test_each_face_has_one_fate_and_keeps_its_human_label(
    rows: list[Row], answers: list[dict[int, str]], by_person: bool, contentious: str
) -> None:
    verified = [{f"f{k:05}": side for k, side in who.items() if k < len(rows)} for who in answers]
    faces, labels, calibrated, aligned = study(rows)
    faces["split"] = faces["split"].replace("train", "calibration")
    known = evidence_of(faces, labels, calibrated, checked(*verified), aligned, by_person=by_person)
    EVIDENCE.validate(known)
    sides = decide(known, contentious=contentious, error=ERROR.estimate)
    outcome = FACE_SIDES.validate(sides).set_index("face_id")
    assert outcome.index.tolist() == faces["face_id"].tolist()
    human = labels[labels["side"].notna()].set_index("face_id")
    assert (outcome.loc[human.index, "side"] == human["side"]).all()
    assert (outcome.loc[human.index, "provenance"] == human["provenance"]).all()
    differing = outcome.loc[labels["face_id"][labels["side"].isna()]]
    assert (differing["provenance"] == "contentious").all(), "whatever the other pictures say"
    summary = counts(sides)
    assert sum(summary["sides"].values()) == len(rows) == summary["faces"]
    assert sum(n for row in summary["provenance"].values() for n in row.values()) == len(rows)
    assert summary["labelled"] == len(human)
    error = label_error(known, sides, ERROR, 0.95)
    assert error["all"]["answers"] == len(human) + sum(summary["gained"].values())

    one, two, three = (
        table.iloc[::-1].reset_index(drop=True) for table in (faces, labels, calibrated)
    )
    again = evidence_of(
        one, two, three, checked(*verified[::-1]), aligned.iloc[::-1], by_person=by_person
    )
    pd.testing.assert_frame_equal(
        sides, decide(again, contentious=contentious, error=ERROR.estimate), check_exact=True
    )


def test_the_error_is_of_the_procedure_without_the_faces_own_label() -> None:
    rows: list[Row] = [
        *[(f"t{i}", "test", "i", 0.99, True) for i in range(18)],
        *[(f"w{i}", "test", "o", 0.99, True) for i in range(2)],  # the classifier is wrong
        *[(f"u{i}", "test", "o", 0.7, True) for i in range(5)],  # unsure: accepted of none
        *[(f"s{i}", "train", "o", 0.99, True) for i in range(50)],  # chose the threshold
        *[(f"r{i}", "rest", "-", 0.99, True) for i in range(10**5)],
    ]
    known = known_of(rows)
    sides = decide(known, contentious="outside")
    part = label_error(known, sides, Interval(0, 0, 0), 0.95)["pseudo-label"]
    assert (part["estimate"], part["faces"]) == (0.1, 20)
    assert (round(part["low"], 3), round(part["high"], 3)) == (0.028, 0.301)  # Wilson
    assert part["answers"] == 10**5
    doubted = label_error(known, sides, Interval(0.2, 0.1, 0.3), 0.95)["pseudo-label"]
    reference = 0.2**2 / (0.2**2 + 0.8**2)
    assert doubted["estimate"] == pytest.approx((0.1 - reference) / (1 - 2 * reference))


def test_spreading_by_person_is_tested_on_the_persons_other_labels() -> None:
    rows: list[Row] = [
        *[("p", "train", side, None, True) for side in "ii"],
        *[("q", "train", side, None, True) for side in "io"],
        ("r", "train", "i", None, True),
        ("p", "rest", "-", None, True),
    ]
    known = known_of(rows)
    error = label_error(known, decide(known, contentious="outside"), Interval(0, 0, 0), 0.95)
    part = error["by person"]
    assert (part["faces"], part["estimate"], part["answers"]) == (4, 0.5, 1)
    known = known_of(rows, by_person=False)
    error = label_error(known, decide(known, contentious="outside"), None, 0.95)
    assert error["by person"]["faces"] == error["by person"]["answers"] == 0


def test_people_are_as_sure_as_they_agree() -> None:
    rows: list[Row] = [
        ("p", "train", "i", None, True),
        ("p", "rest", "-", None, True),
        ("q", "train", "c", None, True),
        ("r", "rest", "-", 0.95, True),
        ("s", "rest", "-", 0.5, True),
    ]
    known = known_of(rows, checked({"f00004": "inside"}))
    sides = decide(known, contentious="outside", error=0.1)
    both = 1 - 0.1**2 / (0.1**2 + 0.9**2)
    assert sides["confidence"].tolist() == pytest.approx(
        [both, both, float("nan"), 0.95, 0.9], nan_ok=True
    )


def written(tmp_path: Path, rows: list[Row], **change: Any) -> dict[str, Path]:
    faces, labels, calibrated, aligned = study(rows)
    place = {name: tmp_path / f"{name}.parquet" for name in ("faces", "aligned", "labels")}
    more = {"path": "x", "age": None, "gender": None, "race_raw": None}
    write_table(faces.assign(**more), place["faces"], FACES)
    write_table(labels, place["labels"], LABELS, {"answer_error": "0.1"})
    crops = pd.DataFrame({"face_id": aligned, "row": range(len(aligned))})
    write_table(crops, place["aligned"], ALIGNED)
    accepted = {"threshold": THRESHOLD, "accepted_faces": 4, "queued_persons": 1, "curve": {}}
    about = {"acceptance": json.dumps(accepted)}
    write_table(calibrated, tmp_path / "calibrated.parquet", CALIBRATED, about)
    error = {"quantity": "answer error", "estimate": 0.1, "low": 0.05, "high": 0.2}
    write_table(estimates([error], "drawn"), tmp_path / "agreement.parquet", ESTIMATES)
    inputs: dict[str, Any] = {
        "calibrated": tmp_path / "calibrated.parquet",
        "agreement_estimates": tmp_path / "agreement.parquet",
        "verified": [],
        **change,
    }
    out = {name: tmp_path / f"out/{name}.parquet" for name in ("sides", "evidence", "estimates")}
    people = {path.stem: Person(answers=path.name) for path in inputs["verified"]}
    partition_target(
        **place,
        calibrated=inputs["calibrated"],
        verified=inputs["verified"],
        sides=out["sides"],
        evidence=out["evidence"],
        settings=Partition(verification=people),
        seed=1,
    )
    out["summary"] = tmp_path / "out/summary.json"
    measure_sides(
        **out,
        faces=place["faces"],
        calibrated=inputs["calibrated"],
        agreement_estimates=inputs["agreement_estimates"],
        own_label=None,
        intervals=Intervals(),
        study="drawn",
    )
    return out


def value(out: dict[str, Path], quantity: str, group: str) -> Any:
    """The one row of a quantity."""
    table = read_table(out["estimates"], ESTIMATES).set_index(["quantity", "group"])
    rows = table.loc[[(quantity, group)]]
    assert len(rows) == 1
    return rows.iloc[0]


ROWS: list[Row] = [
    ("p", "train", "i", 0.9, True),
    ("p", "rest", "-", 0.9, True),
    ("q", "test", "o", 0.1, True),
    ("r", "rest", "-", 0.95, True),
    ("s", "rest", "-", 0.5, True),
    (None, "rest", "-", None, False),
    ("t", "test", "c", 0.9, True),
]


def test_the_files_agree_with_each_other(tmp_path: Path) -> None:
    out = written(tmp_path, ROWS)
    sides = read_table(out["sides"], FACE_SIDES)
    assert sides["side"].fillna("-").str[0].tolist() == list("iioi--o")
    assert read_table(out["evidence"], EVIDENCE)["face_id"].equals(sides["face_id"])
    summary = json.loads(out["summary"].read_text())
    assert summary["sides"] == {"inside": 3, "outside": 2, "left out": 2}
    assert summary["gained"] == {"by person": 1, "verified": 0, "pseudo-label": 1}
    assert summary["provenance"]["no face"] == {"inside": 0, "outside": 0, "left out": 1}
    assert summary["simulated"] is True
    assert summary["threshold"] == THRESHOLD
    assert sides["confidence"].notna().tolist() == [*[True] * 5, False, False]
    error = value(out, "label error", "all")
    assert error["answers"] == 4
    assert pd.isna(error["truth"])
    precision = value(out, "pseudo-label precision", "part: test")
    assert (precision["estimate"], precision["faces"], precision["persons"]) == (1, 1, 1)
    bin_of_q = value(out, "pseudo-label calibration", "bin: 1")
    assert (bin_of_q["share"], bin_of_q["estimate"], bin_of_q["faces"]) == (0.1, 0, 1)


def test_a_target_that_labels_itself_needs_no_pseudo_labels(tmp_path: Path) -> None:
    out = written(tmp_path, ROWS, calibrated=None, agreement_estimates=None)
    summary = json.loads(out["summary"].read_text())
    assert summary["sides"] == {"inside": 2, "outside": 2, "left out": 3}
    assert summary["threshold"] is None
    table = read_table(out["estimates"], ESTIMATES)
    assert set(table["quantity"]) == {"label error"}


def test_labels_of_other_images_are_named(tmp_path: Path) -> None:
    strange = pd.DataFrame({"face_id": ["elsewhere"], "probability": [0.5], "accepted": [False]})
    write_table(strange, tmp_path / "strange.parquet", CALIBRATED)
    with pytest.raises(DataError, match=r"strange\.parquet: 1 faces are not in .*elsewhere"):
        written(tmp_path, ROWS, calibrated=tmp_path / "strange.parquet")
    (tmp_path / "eve.csv").write_text("face_id,side\nelsewhere,inside\n")
    with pytest.raises(DataError, match=r"eve\.csv: line 2: 'elsewhere' is neither the id"):
        written(tmp_path, ROWS, verified=[tmp_path / "eve.csv"])


def test_verified_persons_are_in_the_files(tmp_path: Path) -> None:
    (tmp_path / "eve.csv").write_text("face_id,side\nf00004,outside\n")
    out = written(tmp_path, ROWS, verified=[tmp_path / "eve.csv"])
    summary = json.loads(out["summary"].read_text())
    assert summary["gained"] == {"by person": 1, "verified": 1, "pseudo-label": 1}
    assert value(out, "label error", "provenance: verified")["estimate"] == 0.1
    sides = read_table(out["sides"], FACE_SIDES)
    outside = sides["face_id"][sides["side"] == "outside"]
    assert outside.tolist() == ["f00002", "f00004", "f00006"]


def test_a_queue_that_is_empty_needs_no_verification(tmp_path: Path) -> None:
    path = tmp_path / "verified-ada.csv"
    path.write_text("face_id,side,tentative,showing\n")
    nobody = merged_answers([read_answers(path, Person(answers="x"), study(ROWS)[0], needed=False)])
    assert nobody.empty
    assert list(nobody.columns) == list(merged_answers([]).columns)
