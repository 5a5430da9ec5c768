"""Every face gets exactly one fate, in the order of trust; the error estimate is honest."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap import tables
from facegap.errors import DataError
from facegap.partition import counts, decide, evidence, label_error, partition_target

# person, split, label (i, o, contentious c, none -), proposal (None: none), has a crop
Row = tuple[str | None, str, str, float | None, bool]
LABEL = {"i": ("inside", "agreed"), "o": ("outside", "agreed"), "c": (None, "contentious")}


def study(rows: Iterable[Row]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, "pd.Series[str]"]:
    """Faces, labels, proposals and aligned ids of `rows`; face i is called f<i>."""
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
    proposals = pd.DataFrame(
        [(face, row[3]) for face, row in zip(ids, rows, strict=True) if row[3] is not None],
        columns=["face_id", "probability"],
    ).astype({"face_id": "str", "probability": float})
    aligned = pd.Series([f for f, row in zip(ids, rows, strict=True) if row[4]], dtype="str")
    return faces, labels, proposals, aligned


def fates(
    rows: Iterable[Row],
    *,
    by_person: bool = True,
    threshold: float = 0.9,
    contentious: str = "outside",
) -> list[tuple[str, str]]:
    known = evidence(*study(rows), by_person=by_person)
    sides = decide(known, threshold=threshold, contentious=contentious)
    return list(zip(sides["side"].fillna("left out"), sides["provenance"], strict=True))


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
        ([("p", "test", "c", 0.99, True), ("p", "test", "o", 0, True)], ("outside", "by person")),
        ([("p", "rest", "-", 0.99, True), ("p", "test", "c", 0, True)], ("outside", "contentious")),
        ([("p", "rest", "-", 0.99, True), ("q", "test", "o", 0, True)], ("inside", "proposed")),
        ([("p", "rest", "-", 0.99, True), ("p", "rest", "-", 0, True)], ("left out", "no label")),
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
    assert fates(rows, by_person=False, threshold=0.8)[0] == ("inside", "proposed")
    disputed: list[Row] = [("p", "test", "c", 0.85, True)]
    for where in ("inside", "outside", "left out"):
        assert fates(disputed, contentious=where) == [(where, "contentious")]


ROW = st.tuples(
    st.sampled_from([None, "p", "q", "r"]),
    st.sampled_from(tables.SPLITS),
    st.sampled_from("ioc--"),
    st.none() | st.sampled_from([0.0, 0.05, 0.5, 0.9, 0.95, 1.0]),
    st.booleans(),
)


@given(
    st.lists(ROW, min_size=1, max_size=25), st.booleans(), st.sampled_from(["outside", "left out"])
)
def test_each_face_has_one_fate_and_keeps_its_human_label(
    rows: list[Row], by_person: bool, contentious: str
) -> None:
    faces, labels, proposals, aligned = study(rows)
    known = evidence(faces, labels, proposals, aligned, by_person=by_person)
    sides = decide(known, threshold=0.9, contentious=contentious)
    checked = tables.FACE_SIDES.validate(sides)
    assert checked["face_id"].tolist() == faces["face_id"].tolist()
    human = labels[labels["side"].notna()].set_index("face_id")
    fate = sides.set_index("face_id")
    assert (fate.loc[human.index, "side"] == human["side"]).all()
    assert (fate.loc[human.index, "provenance"] == human["provenance"]).all()
    summary = counts(sides)
    assert sum(summary["sides"].values()) == len(rows) == summary["faces"]
    assert sum(n for row in summary["provenance"].values() for n in row.values()) == len(rows)
    assert summary["labelled"] == len(human)
    error = label_error(known, sides, 0.9, 0.95)
    assert error["all"]["applies_to"] == sum(summary["gained"].values())

    turned = [table.iloc[::-1].reset_index(drop=True) for table in (faces, labels, proposals)]
    again = evidence(*turned, aligned.iloc[::-1], by_person=by_person)
    pd.testing.assert_frame_equal(
        sides, decide(again, threshold=0.9, contentious=contentious), check_exact=True
    )


def test_the_error_is_of_what_the_procedure_says_without_the_faces_own_label() -> None:
    rows: list[Row] = [
        *[(f"t{i}", "test", "i", 0.99, True) for i in range(18)],
        *[(f"w{i}", "test", "o", 0.99, True) for i in range(2)],  # the classifier is wrong
        *[(f"u{i}", "test", "o", 0.7, True) for i in range(5)],  # unsure: proposes nothing
        *[(f"s{i}", "train", "o", 0.99, True) for i in range(50)],  # seen in training
        *[(f"r{i}", "rest", "-", 0.99, True) for i in range(30)],
    ]
    known = evidence(*study(rows), by_person=True)
    sides = decide(known, threshold=0.9, contentious="outside")
    error = label_error(known, sides, 0.9, 0.95)
    proposed = error["proposed"]
    assert (proposed["estimate"], proposed["wrong"], proposed["tested"]) == (0.1, 2, 20)
    assert (round(proposed["low"], 3), round(proposed["high"], 3)) == (0.028, 0.301)
    assert proposed["applies_to"] == 30
    assert error["by person"]["tested"] == 0
    assert error["all"] == {
        **{k: proposed[k] for k in ("estimate", "low", "high")},
        "applies_to": 30,
    }


def test_spreading_by_person_is_tested_on_the_persons_other_labels() -> None:
    rows: list[Row] = [
        *[("p", "train", side, None, True) for side in "ii"],
        *[("q", "train", side, None, True) for side in "io"],
        ("r", "train", "i", None, True),
        ("p", "rest", "-", None, True),
    ]
    known = evidence(*study(rows), by_person=True)
    error = label_error(known, decide(known, threshold=0.9, contentious="outside"), 0.9, 0.95)
    assert error["by person"]["tested"] == 4
    assert error["by person"]["wrong"] == 2
    assert error["all"]["estimate"] == 0.5
    known = evidence(*study(rows), by_person=False)
    error = label_error(known, decide(known, threshold=0.9, contentious="outside"), 0.9, 0.95)
    assert error["by person"]["tested"] == error["all"]["applies_to"] == 0
    assert error["all"]["estimate"] is None


def test_the_interval_covers_the_truth_where_persons_share_their_proposal() -> None:
    rng = np.random.default_rng(1)
    covered, studies = 0, 60
    for _ in range(studies):
        inside, wrong = rng.random(80) < 0.6, rng.random(80) < 0.1
        rows: list[Row] = [
            (
                f"p{i}",
                "test",
                "i" if inside[i] else "o",
                0.99 if inside[i] ^ wrong[i] else 0.01,
                True,
            )
            for i in range(80)
            for _ in range(1 + i % 5)
        ]
        rows.append(("new", "rest", "-", 0.99, True))
        known = evidence(*study(rows), by_person=True)
        sides = decide(known, threshold=0.9, contentious="outside")
        found = label_error(known, sides, 0.9, 0.95)["proposed"]
        covered += found["low"] <= 0.1 <= found["high"]
    assert covered >= 0.88 * studies


def written(tmp_path: Path, rows: list[Row], **change: Any) -> dict[str, Path]:
    faces, labels, proposals, aligned = study(rows)
    more = {"path": "x", "age": None, "gender": None, "race_raw": None}
    tables.write(faces.assign(**more), tmp_path / "faces.parquet", tables.FACES)
    tables.write(labels, tmp_path / "labels.parquet", tables.LABELS)
    tables.write(proposals, tmp_path / "proposals.parquet", tables.PROPOSALS)
    found = pd.DataFrame({"face_id": aligned, "shard": 0, "row": range(len(aligned))})
    tables.write(found, tmp_path / "aligned.parquet", tables.ALIGNED)
    out = {name: tmp_path / name for name in ("sides.parquet", "sides.csv", "in", "out", "s.json")}
    settings = {
        "by_person": True,
        "threshold": 0.9,
        "contentious": "outside",
        "confidence": 0.95,
        "proposals_parquet": tmp_path / "proposals.parquet",
    }
    settings |= change
    proposals_parquet = settings.pop("proposals_parquet")
    partition_target(
        tmp_path / "faces.parquet",
        tmp_path / "aligned.parquet",
        tmp_path / "labels.parquet",
        proposals_parquet,
        *out.values(),
        **settings,
    )
    return out


ROWS: list[Row] = [
    ("p", "train", "i", 0.9, True),
    ("p", "test", "c", 0.9, True),
    ("q", "test", "o", 0.1, True),
    ("r", "rest", "-", 0.95, True),
    ("s", "rest", "-", 0.5, True),
    (None, "rest", "-", None, False),
]


def test_the_files_agree_with_each_other(tmp_path: Path) -> None:
    out = written(tmp_path, ROWS)
    sides = tables.read(out["sides.parquet"], tables.FACE_SIDES)
    pd.testing.assert_frame_equal(sides, tables.read(out["sides.csv"], tables.FACE_SIDES))
    assert out["in"].read_text() == "f00000\nf00001\nf00003\n"
    assert out["out"].read_text() == "f00002\n"
    summary = json.loads(out["s.json"].read_text())
    assert summary["sides"] == {"inside": 3, "outside": 1, "left out": 2}
    assert summary["gained"] == {"by person": 1, "proposed": 1}
    assert summary["provenance"]["no face"] == {"inside": 0, "outside": 0, "left out": 1}
    assert summary["simulated"] is True
    assert sides["confidence"].notna().tolist() == [False, False, False, True, True, False]


def test_a_target_that_labels_itself_needs_no_proposals(tmp_path: Path) -> None:
    out = written(tmp_path, ROWS, proposals_parquet=None)
    summary = json.loads(out["s.json"].read_text())
    assert summary["sides"] == {"inside": 2, "outside": 1, "left out": 3}


def test_labels_of_other_images_are_named(tmp_path: Path) -> None:
    written(tmp_path, ROWS)
    strange = pd.DataFrame({"face_id": ["elsewhere"], "probability": [0.5]})
    tables.write(strange, tmp_path / "strange.parquet", tables.PROPOSALS)
    with pytest.raises(DataError, match=r"strange\.parquet: 1 faces are not in .*elsewhere"):
        written(tmp_path, ROWS, proposals_parquet=tmp_path / "strange.parquet")
