"""What the commands of both sites have in common: their options, links, status and server."""

import argparse
import contextlib
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
from sqlalchemy import Connection, Engine

from facegap.errors import ConfigError, DataError, shown
from facegap.files import whole
from facegap.people.engine import invite, seats_in
from facegap.people.facts import facts, keep_fact
from facegap.people.lookups import paces
from facegap.people.web.store import reading
from facegap.settings.study import Study
from facegap.tables.base import as_csv

HOST = "127.0.0.1"
Command = Callable[[argparse.Namespace], None]


def adder(parser: argparse.ArgumentParser) -> Callable[..., argparse.ArgumentParser]:
    """A function that gives `parser` a command by name, and the options that all have.

    What the command does is in the docstring of its function. `--database` is for those that use
    one.
    """
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Command, *, database: bool = True) -> argparse.ArgumentParser:
        words = (run.__doc__ or "").split("\n")[0]
        command = commands.add_parser(name, help=words, description=run.__doc__)
        command.add_argument("--config", type=Path, default=Path("config/config.yaml"))
        if database:
            words = "SQLite file or postgresql:// URL of the answers"
            command.add_argument("--database", help=words)
        command.set_defaults(command=run)
        return command

    return add


def invite_options(command: argparse.ArgumentParser, port: int) -> None:
    """The options of `invite`; links lead to a server on `port` of this machine by default."""
    command.add_argument("--url", default=f"http://{HOST}:{port}", help="what links begin with")
    command.add_argument(
        "--again",
        nargs="+",
        default=[],
        metavar="NAME",
        help="who lost their link; the old one ends",
    )


def serve_options(command: argparse.ArgumentParser, port: int) -> None:
    """The options of `serve`."""
    command.add_argument("--host", default=HOST)
    command.add_argument("--port", type=int, default=port)
    command.add_argument("--root-path", default="", help="path below which a proxy serves it")


def database_of(given: argparse.Namespace, study: Study, default: str) -> str | Path:
    """The database that was named, or the file `default` below data_root, whose folder is made."""
    if given.database:
        try:
            other = Path(given.database).exists() and not Path(given.database).is_file()
        except OSError as error:  # as of a name that is too long
            words = f"{shown(given.database)}: no name of a database: {error.strerror}"
            raise ConfigError(words) from error
        if other:
            raise ConfigError(f"{given.database}: a database is a file, and this is none; name one")
        return str(given.database)
    path = Path(study.data_root, default)
    with contextlib.suppress(DataError):  # the database says that it cannot be opened
        make_private(path.parent)
    return path


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone can look into, where there is none."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error}") from error


def results_of(study: Study, place: str, target: str) -> Path:
    """A file or folder of the results; a `DataError` says how to make it, where it is missing."""
    path = Path(study.results, study.study, place)
    if not path.exists():
        raise DataError(
            f"{path} does not exist; make it with: snakemake --cores all {target} --configfile"
            " <this configuration>"
        )
    return path


def print_links(engine: Engine, given: argparse.Namespace) -> None:
    """Print the link of everybody who has none, and new ones for `given.again`, once."""
    fresh = invite(engine, given.again)
    for seat, token in fresh:
        print(f"{seat.round}\t{seat.name}\t{given.url.rstrip('/')}/s/{token}/")
    if not fresh:
        print("everybody has a link; --again NAME makes a new one for who lost it")


def print_status(engine: Engine) -> None:
    """Print how far everybody is, and how long an answer takes them."""
    with reading(engine) as connection:
        everybody, pace = seats_in(connection), paces(connection)
    for seat in everybody:
        state = "closed" if seat.closed else "open"
        flags = {
            "withdrawn": seat.withdrawn,
            "finished": seat.finished or 0 < seat.items == seat.answered,
            "not invited": not seat.invited,
        }
        words = next((word for word, flag in flags.items() if flag), "")
        count = f"{seat.answered:>7} of {seat.items}"
        took = f"{pace[seat.id]:.1f} s an answer  " if seat.id in pace else ""
        print(f"{seat.round:<14}{state:<8}{seat.name:<20}{count}  {took}{words}".rstrip())
    if not everybody:
        print("nobody is invited yet")


def write_answers(connection: Connection, files: Mapping[Path, pd.DataFrame]) -> None:
    """Write answers as CSV, for their owner alone, and print where.

    Raises `DataError`, before anything is written, where a file lies that was not written of this
    database; the facts that the transaction keeps say which were.
    """
    known = facts(connection)
    written = {path: as_csv(table).encode() for path, table in files.items()}
    for path, text in written.items():
        ours = (known.get(f"written {path.absolute()}"), _digest(text))
        if path.exists() and not (path.is_file() and _digest(path.read_bytes()) in ours):
            raise DataError(
                f"{path}: holds something else than the answers that were written there last; move"
                " it away, or name another place"
            )
    for path, text in written.items():
        make_private(path.parent)
        with whole(path) as temporary:
            temporary.touch(0o600)
            temporary.write_bytes(text)
        keep_fact(connection, f"written {path.absolute()}", _digest(text))
        print(f"{path}: {len(files[path])} answers")


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
