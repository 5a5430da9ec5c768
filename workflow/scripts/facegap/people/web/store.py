"""A database of answers: SQLite in a file, or PostgreSQL by URL; what is committed is on disk."""

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    NoSuchModuleError,
    StatementError,
)

from facegap.errors import ConfigError, StoreError, shown

BUSY_SECONDS = 5.0  # to wait for another writer before an answer is refused
CONNECT_SECONDS = 5  # for a server of PostgreSQL to answer
IDLE_SECONDS = 60  # after which PostgreSQL gives up on who vanished within a transaction
POOL = 20  # connections kept open; the server answers from 40 threads
# Writers of one process queue here: those that wait for SQLite's own lock sleep, ever longer, and
# it goes to whoever wakes first.
WRITER = threading.Lock()
TURN = 0xFACE  # PostgreSQL's advisory lock that a writer holds; of this database alone
DAMAGED = "the file is damaged; bring back a backup"
REFUSED = "it cannot be used as it is; bring back a backup, or name another database"
ADVICE = {  # by what SQLite's or PostgreSQL's message says
    "locked": "another program holds it; close that program and try again",
    "lock timeout": "another program holds it; close that program and try again",
    "disk is full": "the disk is full; free some space and try again",
    "no space left": "the disk is full; free some space and try again",
    "disk i/o": "the disk does not take or give what is asked; check that it has room, within this"
    " user's quota too, and that file and folder may be written",
    "readonly": "it may not be written; give this user the right to write file and folder",
    "read-only": "the server takes no writes; name the one that does",
    "permission denied for": "this user may not make tables in it; make the database theirs",
    "unable to open": "it cannot be opened; check that the folder exists and may be written",
    "not a database": "the file is no SQLite database; name another",
    "malformed": DAMAGED,
    "decode to utf-8": DAMAGED,
    "resolve host": "there is no such host; check the URL",
    "name or service not known": "there is no such host; check the URL",
    "connection": "the database server does not answer; check that it runs and the URL",
}


def connect(address: str | Path, tables: MetaData, earlier: Collection[str] = ()) -> Engine:
    """An engine for the SQLite file at `address`, or for a URL (`postgresql://...`).

    `tables` are made where they are missing. SQLite runs with a write-ahead log and full
    synchronisation: a commit returns when the answer is on disk; the file is its owner's alone,
    and what is deleted is overwritten. Raises `ConfigError` at a URL that is none, and `StoreError`
    at a database that cannot be used or is damaged, has other tables of the same names, or one of
    the tables that an `earlier` version had.
    """
    engine = _engine(address)
    if engine.dialect.name == "sqlite" and (file := engine.url.database):
        _keep_private(Path(file))
        engine = engine.execution_options(facegap_file=_file_at(file))
    with writing(engine) as connection:
        _require_stored(connection, tables)
        _require_sound(connection)
        _refuse_earlier(connection, earlier)
        tables.create_all(connection)
        _require_tables(connection, tables)
    settle(engine)
    return engine


def connect_read_only(path: Path, tables: MetaData, earlier: Collection[str] = ()) -> Engine:
    """An engine that only reads the SQLite file at `path`, which may lie in a read-only folder.

    Neither it nor its log is changed; SQLite makes its index of the log (-shm) where there is a log
    and no index. Raises `StoreError` as `connect` does, and where one of the `tables` is missing.
    """
    log = _log_of(path)
    busy = _size(log) > 0
    if busy and not os.access(path.parent, os.W_OK):
        raise StoreError(
            f"{path}: its latest answers are in {log.name}, which cannot be read in a read-only"
            " folder; close the study where it is served (facegap judge close), and copy it anew"
        )
    # Without a log nobody is at work on it; SQLite would make one, were the file not immutable.
    address = f"file:{quote(str(path.absolute()))}?mode=ro" + ("" if busy else "&immutable=1")

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(address, BUSY_SECONDS, uri=True, check_same_thread=False)
        connection.isolation_level = None  # transactions begin where `_begin` says
        connection.execute("PRAGMA trusted_schema=OFF")  # nothing of the file's own is run
        return connection

    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, creator=opened, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    with reading(engine) as connection:
        _require_stored(connection, tables)
        _refuse_earlier(connection, earlier)
        _require_tables(connection, tables)
        _require_sound(connection, *tables.tables)  # of others a check would compute columns
    return engine


def settle(engine: Engine) -> bool:
    """Bring SQLite's write-ahead log into the file and empty it; whether nobody was in the way.

    The file alone is whole then, and nothing that was deleted is left in the log.
    """
    if engine.dialect.name != "sqlite":
        return True
    with _explained(engine), _turn(engine), contextlib.closing(engine.raw_connection()) as raw:
        blocked, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not blocked


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database, as of its first statement."""
    with _explained(engine), engine.connect() as connection, connection.begin():
        _require_in_place(connection)
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction, durable when the block ends; nothing of it is kept when the block raises.

    It waits its turn at the start, so that two writers never meet half-way.
    """
    with (
        _explained(engine),
        _turn(engine),
        engine.connect().execution_options(facegap_writes=True) as connection,
        connection.begin(),
    ):
        _require_in_place(connection)
        yield connection
        _require_in_place(connection)


def _keep_private(path: Path) -> None:
    """Make the file if it is missing, for its owner alone; take it from everybody if it is there.

    An existing file is never opened here: closing it would undo SQLite's locks on it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise StoreError(f"{path}: no file; name one for the database of answers") from None
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            with contextlib.suppress(OSError):
                mode = stat.S_IMODE(each.stat().st_mode)
                if mode & stat.S_IRWXO:  # a group may share it, if somebody says so
                    each.chmod(mode & ~stat.S_IRWXO)
    except OSError:
        return  # SQLite says why it cannot


def _log_of(path: Path) -> Path:
    """SQLite's write-ahead log of the database at `path`."""
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    """The bytes of a file; none where it is missing, or its name is too long for one to be."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _file_at(path: str) -> tuple[int, int] | None:
    """Which file lies there, if one does: SQLite goes on with a file that was moved or deleted."""
    try:
        status = os.stat(path)  # noqa: PTH116, twice for every answer
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _require_in_place(connection: Connection) -> None:
    """Raise where the file is no longer the one that was opened: what it gets would be lost."""
    opened = connection.get_execution_options().get("facegap_file")
    if opened and _file_at(str(connection.engine.url.database)) != opened:
        raise StoreError(
            f"{_place(connection.engine)}: the file was moved, deleted or replaced while it was in"
            " use, and takes no more answers; stop the server, bring the file back, and start again"
        )


def _require_stored(connection: Connection, tables: MetaData) -> None:
    """Raise where one of the `tables` is there, and SQLite would compute what is in it.

    A small file may have a view, a virtual table or a generated column that never ends, or fills
    the memory.
    """
    if connection.dialect.name != "sqlite":
        return
    other = "SELECT count(*) FROM sqlite_master WHERE name = ? AND sql NOT LIKE 'CREATE TABLE %'"
    for name in tables.tables:
        columns = connection.exec_driver_sql(f"PRAGMA table_xinfo({name})").mappings().all()
        computed = any(column["hidden"] for column in columns)
        if computed or connection.exec_driver_sql(other, (name,)).scalar():
            raise StoreError(
                f"{_place(connection.engine)}: its table {name} is computed, not stored, as no"
                " table of facegap's is; name another database"
            )


def _require_sound(connection: Connection, *names: str) -> None:
    """Raise where a table of these `names` is damaged, or, without any, a part of the file.

    A file that was cut short within a page is: SQLite reads zeros there, and may find nothing.
    """
    if connection.dialect.name != "sqlite":
        return
    path = Path(str(connection.engine.url.database))
    page = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    if not _size(_log_of(path)) and _size(path) % page:  # else the log may have the page whole
        raise StoreError(f"{_place(connection.engine)}: {DAMAGED} (its end is missing)")
    for part in names or (1,):  # to find one fault is enough
        found = connection.exec_driver_sql(f"PRAGMA quick_check({part})").scalar()
        if found != "ok":
            raise StoreError(f"{_place(connection.engine)}: {DAMAGED} ({shown(found)})")


def _refuse_earlier(connection: Connection, earlier: Collection[str]) -> None:
    if set(earlier) & set(inspect(connection).get_table_names()):
        raise StoreError(
            f"{_place(connection.engine)}: its answers are in the tables of an earlier version of"
            " facegap; export them with that version (facegap judge export, or facegap annotate"
            " close), name a new database here, and give the CSV files to the study"
        )


def _require_tables(connection: Connection, tables: MetaData) -> None:
    here = inspect(connection)
    for table in tables.sorted_tables:
        if table.name not in here.get_table_names():
            raise StoreError(
                f"{_place(connection.engine)}: no table {table.name}; this is no database of"
                " answers that facegap made"
            )
        columns = {column["name"] for column in here.get_columns(table.name)}
        if not columns.issuperset(table.columns.keys()):
            raise StoreError(
                f"{_place(connection.engine)}: its table {table.name} is another program's; name a"
                " database of its own"
            )


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    if not WRITER.acquire(timeout=BUSY_SECONDS):
        raise StoreError(f"{_place(engine)}: {ADVICE['locked']}")
    try:
        yield
    finally:
        WRITER.release()


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Every error of the database as a `StoreError` of one line, with advice."""
    try:
        yield
    except (InterfaceError, DatabaseError, sqlite3.Error) as error:
        words = str(getattr(error, "orig", error))  # of SQLite's own, which settle meets
        advice = next((each for sign, each in ADVICE.items() if sign in words.lower()), REFUSED)
        first = words.strip().split("\n")[0]  # PostgreSQL's others have values of the statement
        raise StoreError(f"{_place(engine)}: {advice} ({shown(first, 200)})") from error
    except StatementError as error:
        raise StoreError(f"the database refuses a value: {error.orig}") from error


def _engine(address: str | Path) -> Engine:
    """An engine that waits, locks and syncs as this module promises."""
    text = str(address)
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        lite = url.get_backend_name() == "sqlite"
        if lite and (url.database or ":memory:") == ":memory:":
            raise ValueError("answers in memory would end with the server")
        patience = {"timeout": BUSY_SECONDS} if lite else {"connect_timeout": CONNECT_SECONDS}
        engine = create_engine(
            url,
            pool_size=POOL,
            max_overflow=POOL,
            pool_pre_ping=not lite,
            connect_args=patience,
            hide_parameters=True,  # no message has an answer in it
        )
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        shown = text.split("://")[0]  # never a password
        raise ConfigError(
            f"database {shown}: {error}; give a file, or postgresql:// with psycopg installed"
        ) from error
    event.listen(engine, "connect", _pragmas if lite else _limits)
    event.listen(engine, "begin", _begin if lite else _begin_postgresql)
    return engine


def _place(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _pragmas(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says
    cursor = connection.cursor()
    end = time.monotonic() + BUSY_SECONDS
    while True:  # of two who start a log at once SQLite refuses one, and does not let it wait
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("facegap_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _limits(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {round(BUSY_SECONDS * 1000)}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    connection.commit()


def _begin_postgresql(connection: Connection) -> None:
    """What SQLite does by itself: a reader sees one state, writers take turns.

    A writer has to see what was committed while it waited, hence not a state as of its beginning.
    """
    if connection.get_execution_options().get("facegap_writes", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
