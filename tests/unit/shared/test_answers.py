"""Other people's files of answers: CSV and Label Studio, by a mapping, and every bad one named."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from facegap.answers import beside_each_other, read_answers
from facegap.errors import DataError
from facegap.settings.annotate import Person

WORDS = {"inside": ["White", 1], "outside": ["Black", "Asian", 0], "unsure": ["?"]}


def read(path: Path, **setting: Any) -> list[tuple[str, str]]:
    rows = read_answers(path, Person.model_validate({"answers": path.name, **setting}))
    return list(zip(rows["face_id"], rows["side"], strict=True))


def test_a_foreign_csv_is_read_by_its_own_words_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "crowd.csv"
    path.write_text("image,race,worker\n0002,Asian,w1\n0001,White,w1\n0001,?,w2\n0003,1,w2\n")
    mapping = {"face": "image", "side": "race", "words": WORDS, "annotator_column": "worker"}
    assert read(path, **mapping, annotator="w1") == [("0001", "inside"), ("0002", "outside")]
    assert read(path, **mapping, annotator="w2") == [("0001", "unsure"), ("0003", "inside")]
    with pytest.raises(DataError, match="answers of w1, w2; say with the key annotator"):
        read(path, **mapping)
    with pytest.raises(DataError, match="no answers of w3; it has those of w1, w2"):
        read(path, **mapping, annotator="w3")


def test_a_number_names_an_annotator_as_well(tmp_path: Path) -> None:
    path = tmp_path / "crowd.csv"
    path.write_text("face_id,side,annotator\n0002,inside,7\n")
    assert read(path, annotator=7) == [("0002", "inside")]


def task(number: int, image: str, *annotations: tuple[Any, list[str]], **more: Any) -> Any:
    return {
        "id": number,
        "data": {"image": image},
        "annotations": [
            {
                "completed_by": by,
                "was_cancelled": False,
                "lead_time": 3.1,
                "result": [
                    {
                        "from_name": "race",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": choices},
                    }
                ],
                **more,
            }
            for by, choices in annotations
        ],
    }


STUDIO = {"face": "image", "side": "race", "words": WORDS}


def test_an_export_of_label_studio(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    tasks = [
        task(1, "/data/upload/3/0a1b2c3d-000002.jpg", (1, ["White"]), (2, ["Black"])),
        task(2, "https://images.example/000001.jpg?size=2", ({"id": 1, "email": "x"}, ["?"])),
        task(3, "000003.jpg"),
        task(4, "000004.jpg", (1, ["White"]), was_cancelled=True),
        task(5, "000005.jpg", (1, [])),
    ]
    path.write_text(json.dumps(tasks))
    assert read(path, **STUDIO, annotator=1) == [("000001", "unsure"), ("000002", "inside")]
    assert read(path, **STUDIO, annotator="2") == [("000002", "outside")]


def test_the_short_export_of_label_studio(tmp_path: Path) -> None:
    path = tmp_path / "min.json"
    path.write_text(
        json.dumps(
            [
                {"id": 1, "image": "/data/upload/3/0a1b2c3d-000002.jpg", "race": "White"},
                {"id": 2, "image": "000001.jpg", "race": "Asian", "annotator": 4},
                {"id": 3, "image": "000003.jpg"},
            ]
        )
    )
    assert read(path, **STUDIO) == [("000001", "outside"), ("000002", "inside")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "export.json: not readable as JSON"),
        ('{"a": 1}', "no export of Label Studio, which is a list of tasks"),
        ("[]", "export.json: no answers"),
        ('[{"id": 7, "data": {"img": "x"}}]', "task 7: no image that names an image"),
        (json.dumps([task(3, "1.jpg", (1, ["Martian"]))]), "task 3, face 1: 'Martian' is none of"),
        (json.dumps([task(3, "1.jpg", (1, ["?", "White"]))]), "task 3, face 1: 2 choices of race"),
        (
            json.dumps([task(3, "1.jpg", (1, ["White"]), (1, ["?"]))]),
            r"more than one answer for 1 face \(1\)",
        ),
    ],
)
def test_a_bad_export_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read(path, **STUDIO)


def test_optional_columns_are_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("face_id,side,tentative,showing\n1,inside,True,0\n1,outside,,1\n2,unsure,no,\n")
    rows = read_answers(path)
    assert rows["tentative"].tolist() == [True, False, False]
    assert rows["showing"].tolist() == [0, 1, 0]
    together = beside_each_other({"a": rows}, {"a": str(path)})
    assert together["a"].tolist() == ["inside", "unsure"]
    path.write_text("face_id,side,showing\n1,inside,2\n")
    with pytest.raises(DataError, match=r"a\.csv: line 2, column showing: '2' is none of"):
        read_answers(path)


def test_words_that_a_mapping_leaves_out_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("face_id,side\n1,unsure\n")
    with pytest.raises(DataError, match="'unsure' is none of A, B"):
        read(path, words={"inside": ["A"], "outside": ["B"]})
    assert pd.api.types.is_bool_dtype(read_answers(path)["tentative"])
