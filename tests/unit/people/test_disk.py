"""A disk that takes nothing, and a database that refuses what it is asked: each in a sentence."""

import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from human import Opened, Participant, participant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData

from facegap import cli
from facegap.errors import StoreError
from facegap.people.web.store import connect, reading, settle, writing

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ERRORS = (
    *(sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.InterfaceError),
    *(sqlite3.IntegrityError, sqlite3.InternalError, sqlite3.Error),
)


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file of this process can be written: to SQLite a "disk I/O error"."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(), st.sampled_from(ERRORS))
def test_whatever_a_database_says_is_one_sentence_that_names_it(
    tmp_path: Path, words: str, kind: type[sqlite3.Error]
) -> None:
    engine = connect(tmp_path / "a.sqlite", MetaData())
    for use in (reading, writing):
        with pytest.raises(StoreError, match=r"a\.sqlite: ") as error, use(engine):
            raise kind(words)
        assert len(str(error.value).splitlines()) == 1
    engine.dispose()


@ON_SQLITE
def test_an_answer_that_the_disk_does_not_take_is_said_on_a_page(
    person: Participant, study: Opened
) -> None:
    person.begin()
    pair = person.pair()
    other = participant(study, study.invite(["participant-2"])["participant-2"])
    with no_room():
        refused = person.client.post(f"{person.root}answer/{pair}", data={"choice": "left"})
        assert other.post("withdraw", sure="yes") == 503
    assert refused.status_code == 503
    assert "could not be stored just now" in refused.text
    assert person.post(f"answer/{pair}", choice="left") == 303, "and then there is room again"


@ON_SQLITE
def test_a_server_ends_in_words_where_the_disk_takes_nothing(
    person: Participant, study: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    with contextlib.ExitStack() as served:
        served.enter_context(person.client)
        person.begin()
        with no_room():
            with pytest.raises(StoreError, match="the disk does not take or give"):
                settle(study.engine)
            served.close()
    assert "as the server ended: " in caplog.text


@ON_SQLITE
def test_a_command_ends_in_a_sentence_where_the_disk_takes_nothing(
    study: Opened, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study.invite()
    study.engine.dispose()
    with no_room():
        given = ["--config", str(study.config), "--database", str(database)]
        assert cli.main(["judge", "status", *given]) == 2
    assert capsys.readouterr().err.startswith(f"facegap: sqlite:///{database}: ")
