"""A database of answers: SQLite in a file, or PostgreSQL by URL; what is committed is on disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    StatementError,
)

from facegap.errors import ConfigError, StoreError

BUSY_SECONDS = 5.0  # to wait for another writer before an answer is refused
POOL = 20  # connections kept open; the server answers from 40 threads
ADVICE = {  # by what SQLite's or PostgreSQL's message says
    "locked": "another program holds it; close that program and try again",
    "disk is full": "the disk is full; free some space and try again",
    "no space left": "the disk is full; free some space and try again",
    "readonly": "it may not be written; give this user the right to write file and folder",
    "unable to open": "it cannot be opened; check that the folder exists and may be written",
    "not a database": "the file is no SQLite database; name another",
    "malformed": "the file is damaged; bring back a backup",
    "connection": "the database server does not answer; check that it runs and the URL",
}


def connect(address: str | Path, tables: MetaData) -> Engine:
    """An engine for the SQLite file at `address`, or for a URL (`postgresql://...`).

    `tables` are made where they are missing. SQLite runs with a write-ahead log and full
    synchronisation: a commit returns when the answer is on disk. Raises `ConfigError` at a URL
    that is none, and `StoreError` at a database that cannot be used.
    """
    text = str(address)
    try:
        url = make_url(text if "://" in text else f"sqlite:///{text}")
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        lite = url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}} if lite else {}
        engine = create_engine(
            url, pool_size=POOL, max_overflow=POOL, pool_pre_ping=not lite, **options
        )
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as error:
        shown = text.split("://")[0]  # never a password
        raise ConfigError(
            f"database {shown}: {error}; give a file, or postgresql:// with psycopg installed"
        ) from error
    if lite:
        event.listen(engine, "connect", _pragmas)
        event.listen(engine, "begin", _begin)
    with writing(engine) as connection:
        tables.create_all(connection)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database, as of its first statement."""
    with _explained(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction, durable when the block ends; nothing of it is kept when the block raises.

    On SQLite it waits its turn at the start, so that two writers never meet half-way.
    """
    with (
        _explained(engine),
        engine.connect().execution_options(facegap_writes=True) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Errors of the database, not of a statement in it, as a `StoreError` with advice."""
    try:
        yield
    except (OperationalError, InterfaceError, DatabaseError) as error:
        said = str(error.orig).strip()
        for sign, advice in ADVICE.items():
            if sign in said.lower():
                place = engine.url.render_as_string(hide_password=True)
                raise StoreError(f"{place}: {advice} ({said})") from error
        raise
    except StatementError as error:
        raise StoreError(f"the database refuses a value: {error.orig}") from error


def _pragmas(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin when we say so
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("facegap_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
