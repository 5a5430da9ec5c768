"""CSV as spreadsheets write it: decoded where it is certain, else said what it seems to be."""

import csv
import io
import os
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facegap.errors import DataError
from facegap.spreadsheets import FALSE, TRUE, WIDEST, as_flags, as_numbers, read_csv

TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
).filter(
    lambda text: text == text.lstrip(" ")  # spaces behind a separator are none of the cell
)


def table(folder: Path, text: str, encoding: str = "utf-8") -> pd.DataFrame:
    path = folder / "a.csv"
    path.write_bytes(text.encode(encoding))
    return read_csv(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.integers(0, 2),
)
def test_a_table_is_read_as_it_was_written(
    tmp_path: Path,
    rows: list[list[str]],
    delimiter: str,
    encoding: str,
    end: str,
    named: bool,
    beyond: int,
) -> None:
    """Whatever the program: its encoding, separator and ends of lines, and empty cells beyond."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["path", "age", "b"])
    writer.writerows([*row, *[""] * beyond] for row in rows)
    text = (f"sep={delimiter}{end}" if named else "") + file.getvalue()
    found = table(tmp_path, text, encoding)
    assert list(found.columns) == ["path", "age", "b"]
    assert found.fillna("").to_numpy().tolist() == [row for row in rows if any(row)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 8), st.lists(st.integers(1, 8), max_size=6), st.integers(0, 12))
def test_a_table_has_few_cells_that_its_file_has_not(
    tmp_path: Path, width: int, lengths: list[int], most: int
) -> None:
    rows = [min(length, width) for length in lengths]
    lines = [",".join("x" * length) for length in rows]
    text = "\n".join([",".join(f"c{k}" for k in range(width)), *lines])
    lacking = sum(width - length for length in rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facegap.spreadsheets.MOST_LACKING", most)
        if lacking > most:
            with pytest.raises(DataError, match=r"a\.csv, line \d: too many rows end long before"):
                table(tmp_path, text)
        else:
            found = table(tmp_path, text)
            assert found.shape == (len(rows), width)
            assert found.isna().to_numpy().sum() == lacking


def test_a_small_file_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had 260 KB, and took 8 GB."""
    monkeypatch.setattr("facegap.texts.LARGEST", 10**6)  # room that reading asks for, and leaves
    header = ",".join(f"c{k}" for k in range(WIDEST))
    (tmp_path / "a.csv").write_text(f"{header}\n" + "x\n" * 20_000)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"a\.csv, line 2503: too many rows"):
            read_csv(tmp_path / "a.csv")
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()
    with pytest.raises(DataError, match=r"a\.csv: 2001 columns, and no table here has more than"):
        table(tmp_path, f"{header},more\n1\n")


def test_rows_have_the_numbers_of_their_lines(tmp_path: Path) -> None:
    found = table(tmp_path, 'sep=;\na;b\n\n1;2\n;\n"x\ny";2\n3;4\n')
    assert found.index.tolist() == [4, 6, 8]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no header"),
        (b"path,age\na,1,2\n", r"a\.csv, line 2: 3 fields, and the header has 2"),
        (b'path,age\na,"1\n', "not readable as CSV: line 2: unexpected end of data"),
        ("path\nMüller\n".encode("cp1252"), r"line 2: not UTF-8; .* Windows-1252 .*'Müller'"),
        ("path\na\n".encode("utf-16-le"), "seems to be UTF-16 without its mark"),
        ("path\nä\n".encode("utf-16-le"), "seems to be UTF-16 without"),
        ("path\na".encode("utf-16")[:-1], "damaged UTF-16"),
        (b"path,path\na,b\n", "two columns are called path"),
        (b"path,\na,b\n", "column 2 has no name"),
        (b"path\n" + b"x" * 200_000 + b"\n", "field larger than field limit"),
    ],
)
def test_what_is_not_certain_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("place", ["pipe", "folder", "/dev/zero", "gone.csv"])
def test_what_is_no_file_is_refused_at_once(place: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"not a file|not readable: No such file"):
        read_csv(tmp_path / place)


def test_decimal_commas_are_read_where_they_are_no_thousands() -> None:
    numbers = as_numbers(
        pd.Series(["31,5", "0,125", "-2,5", "7", "1,5e-05", "1,234", "x", None], dtype="str")
    )
    assert numbers.iloc[:5].tolist() == [31.5, 0.125, -2.5, 7, 1.5e-05]
    assert numbers.iloc[5:].isna().all()


def test_words_for_true_and_false_are_flags() -> None:
    flags = as_flags(pd.Series([*TRUE, *FALSE, "WAHR", "Falsch", "1", "maybe"], dtype="str"))
    assert flags.tolist() == [*"1" * len(TRUE), *"0" * len(FALSE), "1", "0", "1", "maybe"]
