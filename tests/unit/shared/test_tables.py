"""The tables between stages: what is written is read again, and damage is named."""

import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from facegap.errors import DataError
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.annotate import ANSWERS
from facegap.tables.base import metadata, read_table, write_table
from facegap.tables.measure import ESTIMATES, estimates


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
        write_table(faces(), tmp_path / f"{name}.parquet", FACES, {"licence": "none"})
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    read = read_table(tmp_path / "one.parquet", FACES)
    assert read["subject_id"].tolist()[0] == "1"
    assert read["subject_id"].isna().tolist() == [False, True]
    assert read["Young"].dtype == "Int8"
    assert metadata(tmp_path / "one.parquet") == {"licence": "none"}


def test_an_empty_rejected_list_is_a_table_too(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    write_table(pd.DataFrame({"path": [], "face_id": [], "reason": []}), path, REJECTED)
    assert path.read_text() == "path,face_id,reason\n"
    assert read_table(path, REJECTED).empty


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
        write_table(faces().assign(**change), path, FACES)
    assert str(path) in str(error.value)
    assert not path.exists()


def test_a_damaged_or_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "faces.parquet"
    with pytest.raises(DataError, match=r"faces\.parquet: not readable"):
        read_table(path, FACES)
    write_table(faces(), path, FACES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"faces\.parquet: not readable"):
        read_table(path, FACES)


@pytest.mark.parametrize("word", ["NA", "null", "None", "nan", "N/A"])
def test_a_face_may_be_called_like_nothing(word: str, tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    rejected = pd.DataFrame({"path": [word, "b"], "face_id": [word, None], "reason": word})
    write_table(rejected, path, REJECTED)
    read = read_table(path, REJECTED)
    assert read["face_id"].isna().tolist() == [False, True]
    assert read.iloc[0].tolist() == [word, word, word]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_name_with_a_line_end_is_one_row(end: str, tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    rejected = pd.DataFrame(
        {"path": [f"x{end}y.jpg", "b.jpg"], "face_id": [None, "b"], "reason": ["missing", "a, b"]}
    )
    write_table(rejected, path, REJECTED)
    read = read_table(path, REJECTED)
    assert read["path"].tolist() == [f"x{end}y.jpg", "b.jpg"]
    assert read["face_id"].isna().tolist() == [True, False]
    write_table(rejected[1:], path, REJECTED)
    assert path.read_bytes() == b'path,face_id,reason\nb.jpg,b,"a, b"\n'


def test_text_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    answers = pd.DataFrame({"face_id": ["000123", "1e5"], "side": ["inside", "unsure"]})
    answers = answers.assign(tentative=False, showing=0)
    write_table(answers, path, ANSWERS)
    assert read_table(path, ANSWERS)["face_id"].tolist() == ["000123", "1e5"]


def test_estimates_are_complete_rows_of_known_columns(tmp_path: Path) -> None:
    rows = [{"quantity": "power", "share": 0.53, "estimate": 0.2, "answers": 300}]
    table = estimates(rows, "drawn")
    assert list(table.columns) == list(ESTIMATES.columns)
    assert (table["study"][0], table["group"][0], table["answers"][0]) == ("drawn", "all", 300)
    assert table["p"].isna().all()
    write_table(table, tmp_path / "estimates.parquet", ESTIMATES)
    pd.testing.assert_frame_equal(read_table(tmp_path / "estimates.parquet", ESTIMATES), table)
    assert estimates([], "drawn").empty


def test_an_estimate_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="no column wide in estimates"):
        estimates([{"quantity": "power", "wide": 1}], "drawn")
    table = estimates([{"quantity": "power"}], "drawn").assign(quantity="luck")
    with pytest.raises(DataError, match="luck"):
        write_table(table, tmp_path / "estimates.parquet", ESTIMATES)


def test_a_long_value_is_cut_in_messages(tmp_path: Path) -> None:
    damaged = faces().assign(split=["x" * 1_000_000, "train"])
    with pytest.raises(DataError) as raised:
        write_table(damaged, tmp_path / "faces.parquet", FACES)
    assert len(str(raised.value)) < 600


def test_a_table_of_a_foreign_header_is_refused_before_its_rows_are_read(tmp_path: Path) -> None:
    """Of 10,000 columns and 100,000 short rows, 250 KB, pandas made 8 GB."""
    header = ",".join([*REJECTED.columns, *(f"c{k}" for k in range(2000))])
    (tmp_path / "a.csv").write_text(f"{header}\n" + "x\n" * 10_000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"a\.csv: not a table of .*'c0'"):
            read_table(tmp_path / "a.csv", REJECTED)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
