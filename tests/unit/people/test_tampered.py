"""Databases of answers that somebody has changed: read as they are, or refused in a sentence."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from human import close, opened, participant
from hypothesis import given
from hypothesis import strategies as st

from facegap.errors import FacegapError
from facegap.people.comparing.answers import ROUND, read_database
from facegap.people.engine import open_answers
from facegap.people.tables import META


@pytest.fixture(scope="module")
def whole(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database of all answers of one participant; not to be changed."""
    place = tmp_path_factory.mktemp("whole") / "a.sqlite"
    study = opened(results, place)
    person = participant(study, study.invite()["participant-1"])
    person.begin()
    person.answer_all()
    person.recognise()
    close(study.engine, ROUND)
    study.engine.dispose()
    return place


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(whole, tmp_path))


def tamper(database: Path, *statements: str) -> None:
    """Run `statements` as somebody with SQLite's shell does, without a log afterwards."""
    connection = sqlite3.connect(database, isolation_level=None)
    for statement in ("PRAGMA foreign_keys=OFF", "PRAGMA writable_schema=ON", *statements):
        connection.execute(statement)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()


def in_schema(table: str, old: str, new: str) -> str:
    """A statement that rewrites the definition of `table`; only with a writable schema."""
    return f"UPDATE sqlite_master SET sql = replace(sql, '{old}', '{new}') WHERE name = '{table}'"


def refused(database: Path) -> list[str]:
    """How reading and opening refuse it: messages of one line that name it."""
    found = []
    for use in (read_database, open_answers):
        with pytest.raises(FacegapError, match=r"a\.sqlite") as error:
            use(database)
        found.append(str(error.value))
        assert len(found[-1].splitlines()) == 1
    return found


KINDS = {
    "view": "CREATE VIEW {name} AS SELECT {selected}",
    "virtual table": "CREATE VIRTUAL TABLE {name} USING fts5({columns})",
    "virtual column": "CREATE TABLE {name} ({columns}, more GENERATED ALWAYS AS (1) VIRTUAL)",
    "stored column": "CREATE TABLE {name} ({columns}, more GENERATED ALWAYS AS (1) STORED)",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", META.tables)
def test_a_table_that_sqlite_would_compute_is_refused(
    finished: Path, table: str, kind: str
) -> None:
    """A file of 80 KB had reading never end, or take 4 GB."""
    names = META.tables[table].columns.keys()
    columns, selected = ", ".join(names), ", ".join(f"1 AS {name}" for name in names)
    made = KINDS[kind].format(name=table, columns=columns, selected=selected)
    tamper(finished, f"DROP TABLE {table}", made)
    assert all(f"its table {table} is computed" in words for words in refused(finished))


def test_what_other_tables_compute_is_left_alone(finished: Path) -> None:
    answers, known = read_database(finished)
    strange = in_schema("other", "b", "b NOT NULL AS (unheard_of(1))")
    tamper(finished, "CREATE TABLE other (a, b)", "INSERT INTO other VALUES (1, 2)", strange)
    assert read_database(finished)[0].equals(answers)
    assert read_database(finished)[1].equals(known)


@given(st.integers(1, 4095))
def test_a_file_that_is_cut_short_is_refused(whole: Path, lost: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(shutil.copy(whole, folder))
        os.truncate(place, place.stat().st_size - lost)
        assert all("the file is damaged" in words for words in refused(place))
