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

from facegap.errors import DataError, FacegapError
from facegap.judge.responses import read_responses
from facegap.people.comparing.answers import ROUND, read_database
from facegap.people.engine import open_answers, open_study
from facegap.people.tables import META
from facegap.settings.judge import OwnSide


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


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("facts", "name VARCHAR NOT NULL", "name VARCHAR NOT NULL COLLATE unheard_of"),
        ("events", "what VARCHAR NOT NULL", "what VARCHAR AS (unheard_of(1))"),
        ("answers", "event INTEGER", "event INTEGER AS ("),
    ],
)
def test_what_the_definition_of_a_table_asks_for_in_vain_is_said(
    finished: Path, table: str, old: str, new: str
) -> None:
    tamper(finished, in_schema(table, old, new))
    refused(finished)


FIRST = "(SELECT item FROM answers ORDER BY event LIMIT 1)"
LOST = "lacks its seat, item or event"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (f"UPDATE items SET item = 'x' WHERE item = {FIRST}", LOST),
        (f"UPDATE events SET item = 'x' WHERE item = {FIRST}", LOST),
        ("UPDATE answers SET event = 12345 WHERE event = (SELECT min(event) FROM answers)", LOST),
        ("UPDATE answers SET seat = 12345 WHERE event = (SELECT min(event) FROM answers)", LOST),
        ("DELETE FROM seats WHERE id IN (SELECT seat FROM answers)", LOST),
        (f"UPDATE items SET kind = 'x' WHERE item = {FIRST}", "neither pair nor person: 'x'"),
        ('UPDATE events SET details = \'{"realism": "\\ud800"}\'', "surrogates not allowed"),
        ("UPDATE events SET details = '{\"\\ud800\": 1}'", "surrogates not allowed"),
        ("DELETE FROM facts WHERE name = 'subject'", "the subject of its study is missing"),
        ("UPDATE facts SET value = x'ff' WHERE name = 'subject'", "the subject of its study is"),
    ],
)
def test_no_answer_is_dropped_in_silence(finished: Path, harm: str, words: str) -> None:
    tamper(finished, harm)
    with pytest.raises(DataError, match=words) as error:
        read_database(finished)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["kind", "subject"])
def test_a_command_names_a_database_whose_study_is_not_known(finished: Path, name: str) -> None:
    tamper(finished, f"DELETE FROM facts WHERE name = '{name}'")
    with pytest.raises(DataError, match=rf"a\.sqlite: the {name} of its study is missing"):
        open_study(finished, ROUND, "subject")


def read(results: Path, database: Path, written: Path) -> None:
    """Give the answers of a database to the analysis, in a folder for what it writes."""
    names = ("pairs", "persons")
    read_responses(
        answers=database,
        familiarity=None,
        **{name: results / f"judge/{name}.parquet" for name in names},
        sheet=results / "judge/sheet.json",
        responses=written / "responses.parquet",
        familiar=written / "familiar.parquet",
        raters=written / "raters.parquet",
        own_sides=None,
        settings=OwnSide(),
    )


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (
            f"SET what = 'both' WHERE item = {FIRST}",
            r"choice 'both' \(the answer of {whose}; 1 such",
        ),
        (f"SET seconds = -1 WHERE item = {FIRST}", r"'-1\.0' \(the answer of {whose}; 1 such"),
        ("SET what = '2' WHERE what = 'yes'", r"known '2' \(the answer of 'participant-1' to '"),
    ],
)
def test_a_wrong_answer_of_a_database_is_named_by_who_gave_it_to_what(
    finished: Path, results: Path, tmp_path: Path, harm: str, words: str
) -> None:
    read(results, finished, tmp_path)
    first = read_database(finished)[0]["pair_id"].iloc[0]
    tamper(finished, f"UPDATE events {harm}")
    with pytest.raises(DataError, match=words.format(whose=f"'participant-1' to '{first}'")):
        read(results, finished, tmp_path)
