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


def faces(*names: str) -> pd.DataFrame:
    """The columns of FACES that tell a face; by default of `1` to `9` and `000001` to `000009`."""
    paths = names or tuple(f"{k:0{width}}.jpg" for k in range(1, 10) for width in (1, 4, 6))
    return pd.DataFrame({"face_id": [name.split(".")[0] for name in paths], "path": paths})


def table(path: Path, **setting: Any) -> pd.DataFrame:
    return read_answers(path, Person.model_validate({"answers": path.name, **setting}), faces())


def read(path: Path, **setting: Any) -> list[tuple[str, str]]:
    rows = table(path, **setting)
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


def one(annotation: Any) -> str:
    """An export of one task with one annotation."""
    return json.dumps([{"id": 1, "data": {"image": "1.jpg"}, "annotations": [annotation]}])


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


@pytest.mark.parametrize("name", ["min.json", "MIN.JSON"])
def test_the_short_export_of_label_studio(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
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
        (
            json.dumps([task(3, "1.jpg", (1, ["Martian"]))]),
            "3, face '1.jpg': 'Martian' is none of",
        ),
        (json.dumps([task(3, "1.jpg", (1, ["?", "White"]))]), "task 3, '1.jpg': 2 choices of race"),
        (
            json.dumps([task(3, "1.jpg", (1, ["White"]), (1, ["?"]))]),
            r"more than one answer for 1 face \(1\)",
        ),
        ("[" * 100_000, "export.json: not readable as JSON"),
        (one({"result": "x"}), "task 1: result is 'x', and no list of Label Studio's"),
        (one({"result": [7]}), r"task 1: result is '\[7\]', and no list"),
        (one({"result": [{"from_name": "race", "value": {"choices": [{}]}}]}), "no choice"),
        (json.dumps([{"id": 1, "data": [], "annotations": []}]), "task 1: no image that names"),
        (
            json.dumps([{"id": 1, "data": {"image": "1.jpg"}, "annotations": 3}]),
            "annotations is '3'",
        ),
        (one(None), "task 1: annotations is"),
        (json.dumps([task(3, "no.jpg", (1, ["White"]))]), "'no.jpg' is neither the id nor the"),
        (json.dumps([task(3, "\ud800.jpg", (1, ["White"]))]), "has half a letter"),
        (json.dumps([task(3, "1.jpg", (1, ["\udfff"]))]), "has half a letter"),
        (json.dumps([{**task(3, "1.jpg"), "id": "\ud800"}]), "has half a letter"),
        ('[{"image": "1.jpg", "race": "White", "race": "Asian"}]', "key 'race' stands twice"),
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
    rows = table(path)
    assert rows["tentative"].tolist() == [True, False, False]
    assert rows["showing"].tolist() == [0, 1, 0]
    together = beside_each_other({"a": rows}, {"a": str(path)})
    assert together["a"].tolist() == ["inside", "unsure"]
    path.write_text("face_id,side,showing\n1,inside,2\n")
    with pytest.raises(DataError, match=r"a\.csv: line 2, column showing: '2' is none of"):
        table(path)


def test_words_that_a_mapping_leaves_out_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("face_id,side\n1,unsure\n")
    with pytest.raises(DataError, match="'unsure' is none of A, B"):
        read(path, words={"inside": ["A"], "outside": ["B"]})
    assert pd.api.types.is_bool_dtype(table(path)["tentative"])


def test_what_is_null_in_an_export_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    nothing = [
        {"id": 1, "data": {"image": "1.jpg"}, "annotations": None},
        {"id": 2, "data": {"image": "2.jpg"}, "annotations": [{"result": None}]},
        *json.loads(one({"result": [{"from_name": "race", "value": None}]})),
        *json.loads(one({"result": [{"from_name": "race", "value": {"choices": None}}]})),
        *json.loads(one({"result": [{"from_name": None}, {"type": "relation"}]})),
        {"id": 6, "image": "6.jpg", "race": None},
    ]
    path.write_text(json.dumps([*nothing, task(7, "7.jpg", (1, ["White"]))]))
    assert read(path, **STUDIO) == [("7", "inside")]


def test_a_choice_of_the_short_export_may_be_a_list(tmp_path: Path) -> None:
    path = tmp_path / "min.json"
    path.write_text(
        json.dumps(
            [
                {"id": 1, "image": "1.jpg", "race": ["White"]},
                {"id": 2, "image": "2.jpg", "race": {"choices": ["Black"]}},
            ]
        )
    )
    assert read(path, **STUDIO) == [("1", "inside"), ("2", "outside")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marks_of_encodings_are_read_in_json_and_csv(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task(1, "1.jpg", (1, ["White"]))]), encoding=encoding)
    assert read(path, **STUDIO) == [("1", "inside")]
    path = tmp_path / "export.csv"
    path.write_text("image;race\n1.jpg;Black\n", encoding=encoding)
    assert read(path, **STUDIO) == [("1", "outside")]


def test_label_studios_csv_names_pictures_as_its_json_does(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("image,id,race,annotator\n/data/upload/1/0a1b2c3d-000001.jpg,1,White,1\n")
    assert read(path, **STUDIO) == [("000001", "inside")]


def test_columns_of_somebody_elses_file_have_no_meaning_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "crowd.csv"
    path.write_text("image,race,showing,tentative\n1.jpg,White,morning,rather not\n")
    assert read(path, **STUDIO) == [("1", "inside")]


def test_words_of_spreadsheets_for_true_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nface_id;side;tentative\n1;inside;WAHR\n2;inside;FALSCH\n")
    assert table(path)["tentative"].tolist() == [True, False]
    path.write_text("sep=;\nface_id;side;tentative\n1;inside;perhaps\n")
    with pytest.raises(DataError, match=r"a\.csv: line 3, column tentative: 'perhaps'"):
        table(path)


def test_a_long_cell_is_cut_in_messages(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"face_id,side\n1,{'x' * 100_000}\n")
    with pytest.raises(DataError) as raised:
        table(path)
    assert len(str(raised.value)) < 400
