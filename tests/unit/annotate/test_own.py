"""Own labels: the data set's words become sides; unknown words and thin splits are named."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from facegap.annotate.own import label_own
from facegap.boundary import sides_of
from facegap.errors import DataError
from facegap.kinds import KINDS
from facegap.settings.acquire import OwnLabel
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table


def known(kind: str, boundary: str) -> OwnLabel:
    """The words that a kind of data set brings by itself."""
    return OwnLabel.model_validate(KINDS[kind].own_labels[boundary])


def faces(**columns: Any) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    plain = {
        "face_id": [f"{i:04}" for i in range(n)],
        "path": [f"{i}.jpg" for i in range(n)],
        "subject_id": None,
        "split": [("train", "test", "rest")[i % 3] for i in range(n)],
        "age": None,
        "gender": None,
        "race_raw": None,
    }
    return pd.DataFrame({**plain, **columns})


@pytest.mark.parametrize(
    ("kind", "boundary", "values", "sides"),
    [
        ("utkface", "race", ["White", "Black", "Asian", "Indian", "Others"], "ioooo"),
        ("celeba", "gender", ["male", "female", None], "io-"),
        ("drawn", "group", ["A", "B", "B"], "ioo"),
        ("celeba", "age", pd.array([1, 0, None], dtype="Int8"), "io-"),
        ("utkface", "age", [39.0, 40.0, float("nan")], "io-"),
    ],
)
def test_the_known_words_of_a_data_set(kind: str, boundary: str, values: Any, sides: str) -> None:
    rule = known(kind, boundary)
    own = sides_of(faces(**{rule.column: values}), rule, "faces")
    short = {"inside": "i", "outside": "o"}
    assert "".join(short.get(side, "-") for side in own) == sides


def test_numbers_and_text_that_say_the_same_are_the_same_word() -> None:
    rule = OwnLabel(column="Hat", inside=["1"], outside=[0])
    for values in (["1", "0"], [1, 0], [1.0, 0.0], pd.array([1, 0], dtype="Int8")):
        assert sides_of(faces(Hat=values), rule, "faces").tolist() == ["inside", "outside"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            known("utkface", "race"),
            r"faces\.csv: column race_raw has the value 'Martian' \(face '0001'; 1 faces",
        ),
        (OwnLabel(column="race_raw", below=3.0), "'White'.*known: numbers"),
        (
            OwnLabel(column="Hat", inside=[1], outside=[0]),
            "no column Hat, which own_label.column names, .*it has face_id, path",
        ),
    ],
)
def test_an_unknown_word_or_column_is_named(rule: OwnLabel, message: str) -> None:
    with pytest.raises(DataError, match=message):
        sides_of(faces(race_raw=["White", "Martian", None]), rule, "faces.csv")


def test_faces_without_a_label_are_left_out_and_the_rest_is_passed_through(tmp_path: Path) -> None:
    table = faces(gender=(["male"] * 6 + ["female"] * 6 + [None]))
    write_table(table, tmp_path / "faces.parquet", FACES)
    label_own(
        faces=tmp_path / "faces.parquet",
        labels=tmp_path / "labels.parquet",
        own_label=known("utkface", "gender"),
    )
    labels = read_table(tmp_path / "labels.parquet", LABELS)
    assert labels["face_id"].tolist() == table["face_id"].tolist()[:12]
    assert labels["side"].tolist() == ["inside"] * 6 + ["outside"] * 6
    assert set(labels["provenance"]) == {"own label"}
    assert not labels["simulated"].any()


def test_a_label_that_no_face_carries_is_named(tmp_path: Path) -> None:
    """As where a user's column is sex, and not gender, which every table of faces has."""
    write_table(faces(gender=[None, None]), tmp_path / "faces.parquet", FACES)
    for column, message in (
        ("gender", "column gender, which own_label.column names, is empty on every face"),
        ("gendr", "no column gendr, which own_label.column names"),
    ):
        with pytest.raises(DataError, match=message):
            label_own(
                faces=tmp_path / "faces.parquet",
                labels=tmp_path / "labels.parquet",
                own_label=OwnLabel(column=column, inside=["male"], outside=["female"]),
            )


def test_a_split_with_too_few_faces_on_a_side_is_named(tmp_path: Path) -> None:
    table = faces(gender=["male"] * 6 + ["female"] * 6).assign(split=["train"] * 9 + ["test"] * 3)
    write_table(table, tmp_path / "faces.parquet", FACES)
    with pytest.raises(DataError, match="the split test has 0 labelled faces on the side inside"):
        label_own(
            faces=tmp_path / "faces.parquet",
            labels=tmp_path / "labels.parquet",
            own_label=known("utkface", "gender"),
        )
    assert not (tmp_path / "labels.parquet").exists()
