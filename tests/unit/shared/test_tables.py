"""The tables between stages: what is written is read again, and damage is named."""

from pathlib import Path

import pandas as pd
import pytest

from facegap import tables
from facegap.errors import DataError


def faces() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "face_id": ["a", "b"],
            "path": ["a.jpg", "b.jpg"],
            "subject_id": ["1", None],
            "split": ["train", "rest"],
            "age": [30, None],
            "gender": ["male", None],
            "race_raw": [None, None],
            "Young": pd.array([1, None], dtype="Int8"),
        }
    )


def test_parquet_round_trip_with_metadata_and_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        tables.write(faces(), tmp_path / f"{name}.parquet", tables.FACES, {"licence": "none"})
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    read = tables.read(tmp_path / "one.parquet", tables.FACES)
    assert read["subject_id"].tolist()[0] == "1"
    assert read["subject_id"].isna().tolist() == [False, True]
    assert read["Young"].dtype == "Int8"
    assert tables.about(tmp_path / "one.parquet") == {"licence": "none"}


def test_an_empty_rejected_list_is_a_table_too(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    tables.write(pd.DataFrame({"path": [], "face_id": [], "reason": []}), path, tables.REJECTED)
    assert path.read_text() == "path,face_id,reason\n"
    assert tables.read(path, tables.REJECTED).empty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"face_id": ["a", "a"]}, "face_id"),
        ({"split": ["train", "exam"]}, "exam"),
        ({"gender": ["male", "M"]}, "column gender"),
        ({"age": [30, 900]}, "column age"),
    ],
)
def test_a_wrong_table_is_refused_and_not_written(
    change: dict[str, list[object]], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "faces.parquet"
    with pytest.raises(DataError, match=message) as error:
        tables.write(faces().assign(**change), path, tables.FACES)
    assert str(path) in str(error.value)
    assert not path.exists()


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    with pytest.raises(DataError, match=r"faces\.parquet: not readable"):
        tables.read(path, tables.FACES)
    tables.write(faces(), path, tables.FACES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"faces\.parquet: not readable"):
        tables.read(path, tables.FACES)


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "N/A"])
def test_a_face_may_be_called_like_nothing(word: str, tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    rejected = pd.DataFrame({"path": [word, "b"], "face_id": [word, None], "reason": word})
    tables.write(rejected, path, tables.REJECTED)
    read = tables.read(path, tables.REJECTED)
    assert read["face_id"].isna().tolist() == [False, True]
    assert read.iloc[0].tolist() == [word, word, word]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_name_with_a_line_end_is_one_row(end: str, tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    rejected = pd.DataFrame(
        {"path": [f"x{end}y.jpg", "b.jpg"], "face_id": [None, "b"], "reason": ["missing", "a, b"]}
    )
    tables.write(rejected, path, tables.REJECTED)
    read = tables.read(path, tables.REJECTED)
    assert read["path"].tolist() == [f"x{end}y.jpg", "b.jpg"]
    assert read["face_id"].isna().tolist() == [True, False]
    tables.write(rejected[1:], path, tables.REJECTED)
    assert path.read_bytes() == b'path,face_id,reason\nb.jpg,b,"a, b"\n'


def test_text_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    answers = pd.DataFrame({"face_id": ["000123", "1e5"], "side": ["inside", "unsure"]})
    answers = answers.assign(tentative=False, showing=0)
    tables.write(answers, path, tables.ANSWERS)
    assert tables.read(path, tables.ANSWERS)["face_id"].tolist() == ["000123", "1e5"]
