"""What stays on the disk, who may read it, and databases that cannot be believed."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from human import Opened, Participant, close, participant
from hypothesis import given
from hypothesis import strategies as st

from facegap.errors import DataError, FacegapError, StoreError
from facegap.people.comparing.answers import ROUND, exported, read_database
from facegap.people.engine import open_answers, seat_of, withdraw
from facegap.people.web.store import reading, settle
from facegap.tables.base import as_csv, as_meant

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def answered(person: Participant, count: int = 8) -> list[str]:
    """Begin, and answer; the pairs."""
    person.begin()
    asked = []
    for _ in range(count):
        asked.append(str(person.pair()))
        assert person.post(f"answer/{asked[-1]}", choice="left", seconds="12.345") == 303
    return asked


def files(database: Path) -> dict[str, bytes]:
    """The database, and what SQLite has beside it."""
    return {path.name: path.read_bytes() for path in database.parent.glob(f"{database.name}*")}


@ON_SQLITE
def test_withdrawn_answers_are_on_no_disk(
    person: Participant, study: Opened, database: Path
) -> None:
    pairs = answered(person)
    other = participant(study, study.invite(["participant-2"])["participant-2"])
    others = answered(other, 3)
    assert person.post("withdraw", sure="yes") == 303
    assert person.post("withdraw", sure="yes") == 303, "pressed twice"
    assert "Your answers are deleted" in person.see()
    left = b"".join(files(database).values())
    assert [pair for pair in pairs if pair.encode() in left] == []
    assert all(pair.encode() in left for pair in others)
    study.invite()
    assert "Your answers are deleted" in person.see(), "and nothing is asked again"
    assert exported(study.engine)[0]["pair_id"].tolist() == others


@ON_SQLITE
def test_what_a_reader_kept_in_the_log_is_gone_when_the_server_ends(
    person: Participant, study: Opened, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = answered(person)
    monkeypatch.setattr("facegap.people.engine.settle", lambda engine: False)  # one is in the way
    with person.client:
        assert person.post("withdraw", sure="yes") == 303
        assert all(pair.encode() in files(database)["a.sqlite-wal"] for pair in pairs)
    left = b"".join(files(database).values())
    assert [pair for pair in pairs if pair.encode() in left] == []


@ON_SQLITE
def test_the_database_is_its_owners_alone(study: Opened, database: Path) -> None:
    study.invite()
    modes = {name: (database.parent / name).stat().st_mode for name in files(database)}
    assert len(modes) == 3
    assert {stat.S_IMODE(mode) for mode in modes.values()} == {0o600}
    for mode, then in ((0o644, 0o640), (0o666, 0o660), (0o600, 0o600)):
        database.chmod(mode)
        open_answers(database).dispose()
        assert stat.S_IMODE(database.stat().st_mode) == then, "a group may share it"


@ON_SQLITE
def test_a_closed_study_is_whole_in_its_file_alone(
    person: Participant, study: Opened, database: Path, tmp_path: Path
) -> None:
    answered(person)
    close(study.engine, ROUND)
    (tmp_path / "copied").mkdir()
    copied = shutil.copy(database, tmp_path / "copied/a.sqlite")
    pd.testing.assert_frame_equal(read_database(copied)[0], exported(study.engine)[0])


@ON_SQLITE
@pytest.mark.parametrize("served", [True, False])
def test_what_is_only_read_is_not_changed(
    person: Participant, study: Opened, database: Path, *, served: bool
) -> None:
    answered(person)
    if not served:
        study.engine.dispose()
    before = files(database)
    expected = 8
    assert len(read_database(database)[0]) == expected
    assert {name: text for name, text in files(database).items() if "-shm" not in name} == {
        name: text for name, text in before.items() if "-shm" not in name
    }
    assert len(files(database)) == len(before)


def damaged(path: Path) -> None:
    text = bytearray(path.read_bytes())
    text[4096:] = b"\x55" * (len(text) - 4096)
    path.write_bytes(text)


def endless(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("DROP TABLE answers")
        connection.execute(
            "CREATE VIEW answers AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c)"
            " SELECT x AS seat, 'i' AS item, 0 AS showing, x AS event FROM c"
        )
    connection.close()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@ON_SQLITE
@pytest.mark.parametrize(
    ("harm", "words"), [(damaged, "bring back a backup"), (endless, "answers"), (emptied, "facts")]
)
def test_a_database_that_cannot_be_believed_is_refused(
    study: Opened, database: Path, harm: Callable[[Path], None], words: str
) -> None:
    study.invite()
    close(study.engine, ROUND)
    study.engine.dispose()
    harm(database)
    with pytest.raises(FacegapError, match=words):
        read_database(database)
    if harm is not emptied:
        with pytest.raises(FacegapError):
            open_answers(database)


@ON_SQLITE
@pytest.mark.parametrize("what", ["moved", "deleted", "replaced"])
def test_no_answer_is_acknowledged_that_goes_to_a_file_that_is_gone(
    person: Participant, database: Path, what: str
) -> None:
    answered(person, 2)
    pair = person.pair()
    if what == "deleted":
        database.unlink()
    else:
        database.rename(database.with_name("moved"))
    if what == "replaced":
        open_answers(database).dispose()
    assert person.post(f"answer/{pair}", choice="left") == 503


@ON_SQLITE
@pytest.mark.parametrize(
    "harm",
    [
        *("details = 'null'", "details = '[1]'", "details = '\"x\"'", "details = '{'"),
        *("details = x'ff'", "details = replace(hex(zeroblob(100000)), '00', '[')"),
        "what = CAST(x'ff' AS TEXT)",
    ],
)
def test_an_answer_that_facegap_did_not_store_is_refused(
    person: Participant, study: Opened, database: Path, harm: str
) -> None:
    answered(person)
    close(study.engine, ROUND)
    study.engine.dispose()
    with sqlite3.connect(database) as connection:
        connection.execute(f"UPDATE events SET {harm}")
    connection.close()
    with pytest.raises(FacegapError, match="bring back a backup") as refused:
        read_database(database)
    assert len(str(refused.value).splitlines()) == 1


@ON_SQLITE
def test_another_word_than_yes_or_no_is_not_taken_for_no(
    person: Participant, study: Opened, database: Path
) -> None:
    person.begin()
    person.answer_all()
    assert person.recognise("no") == 303
    assert set(read_database(database)[1]["known"]) == {False}
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE events SET what = '2' WHERE what = 'no'")
    connection.close()
    assert set(read_database(database)[1]["known"]) == {"2"}


@ON_SQLITE
def test_a_log_that_cannot_be_emptied_is_said_in_a_sentence(study: Opened, database: Path) -> None:
    study.engine.dispose()
    database.write_bytes(b"none" * 2048)
    with pytest.raises(StoreError, match="the file is no SQLite database"):
        settle(study.engine)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_no_database(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "a.sqlite"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("/dev/zero")
    with pytest.raises(StoreError, match="no file"):
        open_answers(place)
    for gone in (place, tmp_path / ("x" * 300)):
        with pytest.raises(DataError, match="no such database"):
            read_database(gone)


@pytest.mark.parametrize("name", ["a b.sqlite", "a#1?x=%41.sqlite", "é&.sqlite"])
def test_a_database_may_have_any_name(tmp_path: Path, name: str) -> None:
    open_answers(tmp_path / name).dispose()
    with pytest.raises(DataError, match="no study of pairs"):
        read_database(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_message_of_the_database_has_no_answer_in_it(study: Opened) -> None:
    with pytest.raises(StoreError) as error, reading(study.engine) as connection:
        connection.execute(sa.text("SELECT nothing WHERE 1 = :given"), {"given": "my answer"})
    assert "my answer" not in f"{error.value} {error.value.__cause__}"


def test_a_withdrawal_in_the_middle_of_the_close_deletes_nothing(
    person: Participant, study: Opened
) -> None:
    from racing import meanwhile

    answered(person, 3)
    seat = seat_of(study.engine, person.root.split("/")[2])
    assert seat
    with (
        pytest.raises(DataError, match="closed"),
        meanwhile(study.engine, "INTO facts", lambda: withdraw(study.engine, seat)),
    ):
        close(study.engine, ROUND)
    assert len(exported(study.engine)[0]) == 3


TEXTS = st.text(st.sampled_from("'=+-@\t\r\n,\"a1"), max_size=6)


@given(st.lists(TEXTS.filter(bool), min_size=1))
def test_no_cell_is_a_formula_and_each_is_read_as_it_was(texts: list[str]) -> None:
    import io

    table = pd.DataFrame({"face_id": texts}, dtype="str")
    text = as_csv(table)
    raw = pd.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False)
    assert not raw["face_id"].str.match(r"[=+\-@\t\r]").any()
    assert as_meant(raw)["face_id"].tolist() == texts
