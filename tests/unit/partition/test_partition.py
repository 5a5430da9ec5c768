"""Every face gets exactly one fate, in the order of trust; the error estimate is honest."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap import tables
from facegap.answers import Format, read_answers
from facegap.errors import DataError
from facegap.intervals import Interval
from facegap.partition.errors import label_error
from facegap.partition.measured import measure_sides
from facegap.partition.merge import counts, decide, evidence, merged_answers, partition_target

THRESHOLD = 0.9  # of the proposals that count as accepted here
NOBODY = merged_answers([])
# person, split, label (i, o, contentious c, none -), probability (None: none), has a crop
Row = tuple[str | None, str, str, float | None, bool]
LABEL = {"i": ("inside", "agreed"), "o": ("outside", "agreed"), "c": (None, "contentious")}


def study(rows: Iterable[Row]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, "pd.Series[str]"]:
    """Faces, labels, weighed proposals and aligned ids of `rows`; face i is called f<i>."""
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
        columns=list(tables.LABELS.columns),
    ).astype({"side": "str", "provenance": "str"})
    weighed = pd.DataFrame(
        [
            (face, row[3], max(row[3], 1 - row[3]) >= THRESHOLD)
            for face, row in zip(ids, rows, strict=True)
            if row[3] is not None
        ],
        columns=list(tables.WEIGHED.columns),
    ).astype({"face_id": "str", "probability": float, "accepted": bool})
    aligned = pd.Series([f for f, row in zip(ids, rows, strict=True) if row[4]], dtype="str")
    return faces, labels, weighed, aligned


def known_of(
    rows: Iterable[Row], verified: pd.DataFrame = NOBODY, *, by_person: bool = True
) -> pd.DataFrame:
    faces, labels, weighed, aligned = study(rows)
    return evidence(faces, labels, weighed, verified, aligned, by_person=by_person)


def fates(
    rows: Iterable[Row],
    verified: pd.DataFrame = NOBODY,
    *,
    by_person: bool = True,
    contentious: str = "outside",
) -> list[tuple[str, str]]:
    sides = decide(known_of(rows, verified, by_person=by_person), contentious=contentious)
    return list(zip(sides["side"].fillna("left out"), sides["provenance"], strict=True))


def checked(*answers: dict[str, str]) -> pd.DataFrame:
    """What verifiers say, by face; each is a verifier."""
    return merged_answers(
        [
            pd.DataFrame({"face_id": list(told), "side": list(told.values()), "showing": 0})
            for told in answers
        ]
    )


@pytest.mark.parametrize(
    ("rows", "fate"),
    [
        ([("p", "test", "i", 0.01, True)], ("inside", "agreed")),
        ([("p", "test", "o", 0.99, False)], ("outside", "agreed")),
        ([("p", "test", "c", 0.99, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.95, True)], ("inside", "proposed")),
        ([("p", "rest", "-", 0.05, True)], ("outside", "proposed")),
        ([("p", "rest", "-", 0.6, True)], ("left out", "no label")),
        ([(None, "rest", "-", None, True)], ("left out", "no label")),
        ([(None, "rest", "-", None, False)], ("left out", "no face")),
        ([("p", "rest", "-", 0.99, True), ("p", "test", "o", 0, True)], ("outside", "by person")),
        ([("p", "test", "c", 0.99, True), ("p", "test", "o", 0, True)], ("outside", "contentious")),
        ([("p", "test", "c", 0.99, True), ("p", "test", "i", 0, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.99, True), ("p", "test", "c", 0, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.99, True), ("q", "test", "o", 0, True)], ("inside", "proposed")),
        ([(None, "rest", "-", 0.99, True), (None, "rest", "-", 0, True)], ("inside", "proposed")),
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
def test_the_order_of_trust(rows: list[Row], fate: tuple[str, str]) -> None:
    assert fates(rows)[0] == fate


def test_settings_change_what_they_say() -> None:
    rows: list[Row] = [("p", "rest", "-", 0.85, True), ("p", "test", "o", 0.85, True)]
    assert fates(rows, by_person=False)[0] == ("left out", "no label")
    assert fates(rows)[0] == ("outside", "by person")
    disputed: list[Row] = [("p", "test", "c", 0.85, True)]
    for where in ("inside", "outside", "left out"):
        assert fates(disputed, contentious=where) == [(where, "contentious")]


@pytest.mark.parametrize(
    ("verified", "fate"),
    [
        (checked({"f00000": "outside"}), ("outside", "verified")),
        (checked({"f00000": "outside"}, {"f00000": "outside"}), ("outside", "verified")),
        (checked({"f00001": "inside"}), ("inside", "verified")),  # of the person's other picture
        (checked({"f00000": "outside"}, {"f00000": "inside"}), ("outside", "contentious")),
        (checked({"f00000": "unsure"}), ("outside", "contentious")),
        (checked({"f00000": "inside", "f00001": "outside"}), ("outside", "contentious")),
        (checked({"f00002": "inside"}), ("inside", "proposed")),  # somebody else
    ],
)
def test_a_verified_person_needs_no_proposal(verified: pd.DataFrame, fate: tuple[str, str]) -> None:
    rows: list[Row] = [
        ("p", "rest", "-", 0.99, True),
        ("p", "rest", "-", 0.99, True),
        ("q", "rest", "-", 0.5, True),
    ]
    assert fates(rows, verified)[0] == fate


def test_a_verification_changes_no_label_by_people() -> None:
    rows: list[Row] = [("p", "test", "i", 0.5, True), ("p", "rest", "-", 0.5, True)]
    found = fates(rows, checked({"f00000": "outside", "f00001": "outside"}))
    assert found == [("inside", "agreed"), ("inside", "by person")]


ROW = st.tuples(
    st.sampled_from([None, "p", "q", "r"]),
    st.sampled_from(tables.SPLITS),
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
    told = [{f"f{k:05}": side for k, side in who.items() if k < len(rows)} for who in answers]
    faces, labels, weighed, aligned = study(rows)
    known = evidence(faces, labels, weighed, checked(*told), aligned, by_person=by_person)
    sides = decide(known, contentious=contentious, error=ERROR)
    fate = tables.FACE_SIDES.validate(sides).set_index("face_id")
    assert fate.index.tolist() == faces["face_id"].tolist()
    human = labels[labels["side"].notna()].set_index("face_id")
    assert (fate.loc[human.index, "side"] == human["side"]).all()
    assert (fate.loc[human.index, "provenance"] == human["provenance"]).all()
    differing = fate.loc[labels["face_id"][labels["side"].isna()]]
    assert (differing["provenance"] == "contentious").all(), "whatever the other pictures say"
    summary = counts(sides)
    assert sum(summary["sides"].values()) == len(rows) == summary["faces"]
    assert sum(n for row in summary["provenance"].values() for n in row.values()) == len(rows)
    assert summary["labelled"] == len(human)
    error = label_error(known, sides, ERROR, 0.95)
    assert error["all"]["applies_to"] == len(human) + sum(summary["gained"].values())

    turned = [table.iloc[::-1].reset_index(drop=True) for table in (faces, labels, weighed)]
    again = evidence(*turned, checked(*told[::-1]), aligned.iloc[::-1], by_person=by_person)
    pd.testing.assert_frame_equal(
        sides, decide(again, contentious=contentious, error=ERROR), check_exact=True
    )


def test_the_error_is_of_what_the_procedure_says_without_the_faces_own_label() -> None:
    rows: list[Row] = [
        *[(f"t{i}", "test", "i", 0.99, True) for i in range(18)],
        *[(f"w{i}", "test", "o", 0.99, True) for i in range(2)],  # the classifier is wrong
        *[(f"u{i}", "test", "o", 0.7, True) for i in range(5)],  # unsure: proposes nothing
        *[(f"s{i}", "train", "o", 0.99, True) for i in range(50)],  # chose the threshold
        *[(f"r{i}", "rest", "-", 0.99, True) for i in range(10**5)],
    ]
    known = known_of(rows)
    sides = decide(known, contentious="outside")
    proposed = label_error(known, sides, Interval(0, 0, 0), 0.95)["proposed"]
    assert (proposed["estimate"], proposed["wrong"], proposed["tested"]) == (0.1, 2, 20)
    assert (round(proposed["low"], 3), round(proposed["high"], 3)) == (0.028, 0.301)  # Wilson
    assert proposed["applies_to"] == 10**5
    doubted = label_error(known, sides, Interval(0.2, 0.1, 0.3), 0.95)["proposed"]
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
    assert error["by person"]["tested"] == 4
    assert error["by person"]["wrong"] == 2
    assert error["by person"]["applies_to"] == 1
    known = known_of(rows, by_person=False)
    error = label_error(known, decide(known, contentious="outside"), None, 0.95)
    assert error["by person"]["tested"] == error["by person"]["applies_to"] == 0


def test_people_are_as_sure_as_they_agree() -> None:
    rows: list[Row] = [
        ("p", "train", "i", None, True),
        ("p", "rest", "-", None, True),
        ("q", "train", "c", None, True),
        ("r", "rest", "-", 0.95, True),
        ("s", "rest", "-", 0.5, True),
    ]
    known = known_of(rows, checked({"f00004": "inside"}))
    sides = decide(known, contentious="outside", error=Interval(0.1, 0.05, 0.15))
    both = 1 - 0.1**2 / (0.1**2 + 0.9**2)
    assert sides["confidence"].tolist() == pytest.approx(
        [both, both, float("nan"), 0.95, 0.9], nan_ok=True
    )


def written(tmp_path: Path, rows: list[Row], **change: Any) -> dict[str, Path]:
    faces, labels, weighed, aligned = study(rows)
    more = {"path": "x", "age": None, "gender": None, "race_raw": None}
    tables.write(faces.assign(**more), tmp_path / "faces.parquet", tables.FACES)
    tables.write(labels, tmp_path / "labels.parquet", tables.LABELS, {"answer_error": "0.1"})
    tables.write(weighed, tmp_path / "weighed.parquet", tables.WEIGHED)
    agreement = tmp_path / "agreement.json"
    agreement.write_text('{"answer_error": {"estimate": 0.1, "low": 0.05, "high": 0.2}}')
    found = pd.DataFrame({"face_id": aligned, "shard": 0, "row": range(len(aligned))})
    tables.write(found, tmp_path / "aligned.parquet", tables.ALIGNED)
    out = {name: tmp_path / name for name in ("sides.parquet", "sides.csv", "in", "out")}
    options: dict[str, Any] = {"by_person": True, "contentious": "outside"}
    inputs = {"weighed": tmp_path / "weighed.parquet", "agreement": agreement, "verified": []}
    inputs |= change
    read = [tmp_path / f"{name}.parquet" for name in ("faces", "aligned", "labels")]
    verified = [(path, Format()) for path in inputs["verified"]]
    partition_target(*read, inputs["weighed"], verified, *out.values(), **options)
    out["s.json"] = tmp_path / "s.json"
    measure_sides(
        *read,
        inputs["agreement"],
        None,
        inputs["weighed"],
        verified,
        out["sides.parquet"],
        out["s.json"],
        None,
        precision=0.9,
        truth=None,
        confidence=0.95,
        **options,
    )
    return out


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
    sides = tables.read(out["sides.parquet"], tables.FACE_SIDES)
    pd.testing.assert_frame_equal(sides, tables.read(out["sides.csv"], tables.FACE_SIDES))
    assert out["in"].read_text() == "f00000\nf00001\nf00003\n"
    assert out["out"].read_text() == "f00002\nf00006\n"
    summary = json.loads(out["s.json"].read_text())
    assert summary["sides"] == {"inside": 3, "outside": 2, "left out": 2}
    assert summary["gained"] == {"by person": 1, "verified": 0, "proposed": 1}
    assert summary["provenance"]["no face"] == {"inside": 0, "outside": 0, "left out": 1}
    assert summary["simulated"] is True
    assert sides["confidence"].notna().tolist() == [*[True] * 5, False, False]
    assert summary["true_error"] is None


def test_a_target_that_labels_itself_needs_no_proposals(tmp_path: Path) -> None:
    out = written(tmp_path, ROWS, weighed=None, agreement=None)
    summary = json.loads(out["s.json"].read_text())
    assert summary["sides"] == {"inside": 2, "outside": 2, "left out": 3}


def test_labels_of_other_images_are_named(tmp_path: Path) -> None:
    strange = pd.DataFrame({"face_id": ["elsewhere"], "probability": [0.5], "accepted": [False]})
    tables.write(strange, tmp_path / "strange.parquet", tables.WEIGHED)
    with pytest.raises(DataError, match=r"strange\.parquet: 1 faces are not in .*elsewhere"):
        written(tmp_path, ROWS, weighed=tmp_path / "strange.parquet")
    (tmp_path / "eve.csv").write_text("face_id,side\nelsewhere,inside\n")
    with pytest.raises(DataError, match=r"eve\.csv: 1 faces are not in .*elsewhere"):
        written(tmp_path, ROWS, verified=[tmp_path / "eve.csv"])


def test_verified_persons_are_in_the_files(tmp_path: Path) -> None:
    (tmp_path / "eve.csv").write_text("face_id,side\nf00004,outside\n")
    out = written(tmp_path, ROWS, verified=[tmp_path / "eve.csv"])
    summary = json.loads(out["s.json"].read_text())
    assert summary["gained"] == {"by person": 1, "verified": 1, "proposed": 1}
    assert summary["label_error"]["verified"]["estimate"] == 0.1
    assert out["out"].read_text() == "f00002\nf00004\nf00006\n"


def test_a_queue_that_is_empty_needs_no_verification(tmp_path: Path) -> None:
    path = tmp_path / "verified-ada.csv"
    path.write_text("face_id,side,tentative,showing\n")
    nobody = merged_answers([read_answers(path, needed=False)])
    assert nobody.empty
    assert list(nobody.columns) == list(merged_answers([]).columns)
