"""The store with several at once, on SQLite and PostgreSQL, and what PostgreSQL alone refuses."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from postgresql import Postgresql

from facegap.errors import DataError, StoreError
from facegap.people.engine import open_study
from facegap.people.web.store import connect, reading, writing

META = sa.MetaData()
NOTES = sa.Table("notes", META, sa.Column("id", sa.Integer, primary_key=True))
COUNT = sa.select(sa.func.count()).select_from(NOTES)


@pytest.fixture
def address(postgresql: Postgresql) -> Iterator[str]:
    with postgresql.database() as address:
        yield address


@pytest.fixture(autouse=True, params=["one program", "several programs"])
def programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several programs on a database do not have the queue in which one program's writers wait."""
    if request.param == "several programs":
        monkeypatch.setattr("facegap.people.web.store._turn", lambda engine: nullcontext())


def test_many_start_on_an_empty_database(database: str | Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(lambda _: connect(database, META), range(6)))
    for number, engine in enumerate(engines):
        with writing(engine) as connection:
            connection.execute(NOTES.insert().values(id=number))
    with reading(engines[0]) as connection:
        assert connection.execute(COUNT).scalar() == 6


def second_writer(engine: sa.Engine) -> int | None:
    """How many notes one sees who begins to write while another does."""
    begins = threading.Event()

    def count() -> int | None:
        begins.set()
        with writing(engine) as connection:
            return connection.execute(COUNT).scalar()

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            counted = pool.submit(count)
            begins.wait()
            threading.Event().wait(0.2)  # for it to ask for its turn
            connection.execute(NOTES.insert().values(id=1))
        return counted.result()


def test_a_writer_waits_its_turn_and_sees_what_came_before(database: str | Path) -> None:
    assert second_writer(connect(database, META)) == 1


def test_another_default_of_the_server_changes_nothing(address: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        name = connection.info.dbname
        setting = f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        connection.execute(setting.encode())
    assert second_writer(connect(address, META)) == 1


def test_a_reader_cannot_write(address: str) -> None:
    with (
        pytest.raises(StoreError, match="takes no writes"),
        reading(connect(address, META)) as connection,
    ):
        connection.execute(NOTES.insert().values(id=1))


def test_who_waits_too_long_reads_why(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegap.people.web.store.BUSY_SECONDS", 0.05)
    one, other = connect(address, META), connect(address, META)
    with writing(one), pytest.raises(StoreError, match="another program holds it"), writing(other):
        pass


def test_who_may_not_make_tables_reads_why(address: str, postgresql: Postgresql) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # before version 15
    postgresql.run("DROP ROLE IF EXISTS guest")
    postgresql.run("CREATE ROLE guest LOGIN")
    with pytest.raises(StoreError, match="make the database theirs"):
        connect(address.replace("facegap@", "guest@"), META)


def test_the_two_kinds_of_pages_do_not_share_a_database(database: str | Path) -> None:
    open_study(database, "labelling", "a")
    with pytest.raises(DataError, match="its answers are of labelling; name another database"):
        open_study(database, "comparing", "a")


def test_tables_of_the_same_names_that_are_anothers_are_refused(database: str | Path) -> None:
    other = sa.MetaData()
    sa.Table("events", other, sa.Column("id", sa.Integer, primary_key=True))
    connect(database, other)
    with pytest.raises(StoreError, match="its table events is another program's"):
        open_study(database, "comparing", "a")


@pytest.mark.parametrize("table", ["participants", "showings"])
def test_a_database_of_an_earlier_version_is_refused_and_left_as_it_is(
    database: str | Path, table: str
) -> None:
    earlier = sa.MetaData()
    sa.Table(table, earlier, sa.Column("name", sa.String, primary_key=True))
    engine = connect(database, earlier)
    with pytest.raises(StoreError, match=r"export them with that version .* name a new database"):
        open_study(database, "labelling", "a")
    assert sa.inspect(engine).get_table_names() == [table]
