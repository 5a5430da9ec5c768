"""A real PostgreSQL on this machine, in a folder and on a socket of its own.

It refuses to run as root, so root starts it as the user postgres or nobody. It touches no other
server: only what was started here is ended. What it holds need not outlive it, so it never syncs.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

PLACES = os.pathsep.join(
    [os.defpath, "/usr/local/bin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
)
SETTINGS = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=150")
SECONDS = 60.0  # to start on a busy machine


class UnavailableError(Exception):
    """No PostgreSQL can be had here; the message says why."""


@dataclass
class Postgresql:
    """A server, which may be stopped and started again, and makes databases by number."""

    folder: Path  # data and socket
    account: dict[str, Any] = field(default_factory=dict)  # who it runs as, for subprocess
    process: subprocess.Popen[Any] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [program("postgres"), "-D", f"{self.folder}/data", "-k", f"{self.folder}"]
        command += [part for setting in SETTINGS for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, **self.account)
        self.process = process
        end = time.monotonic() + SECONDS
        while True:
            try:
                return self.run("SELECT 1")
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > end:
                    log = (self.folder / "log").read_text()[-2000:]
                    raise UnavailableError(f"PostgreSQL does not start: {error}\n{log}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """End it at once; connections break, transactions that are open are undone."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(SECONDS)

    def address(self, database: str) -> str:
        """The address of a database of that name."""
        return f"postgresql://facegap@/{database}?host={self.folder}"

    def run(self, statement: str) -> None:
        """Run a statement in the server's own database."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of an empty database, for as long as the block lasts."""
        name = f"facegap{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        yield self.address(name)
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """A server that runs for as long as the block lasts; `UnavailableError` where it cannot."""
    folder = Path(tempfile.mkdtemp(prefix="facegap-pg-"))  # a socket's path is short
    server = Postgresql(folder)
    try:
        server.account = _account(folder)
        _initialise(server)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def program(name: str) -> str:
    """The path of one of PostgreSQL's programs; Debian keeps them off the PATH."""
    path = shutil.which(name) or shutil.which(name, path=PLACES)
    if path is None:
        raise UnavailableError(f"no {name}: apt-get install postgresql, as .ci/run does")
    return path


def _account(folder: Path) -> dict[str, Any]:
    """Who it runs as; the folder becomes theirs."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    known = {one.pw_name: one for one in pwd.getpwall()}
    user = known.get("postgres") or known.get("nobody")
    if user is None:
        raise UnavailableError("PostgreSQL refuses root, and there is no user postgres or nobody")
    try:
        os.chown(folder, user.pw_uid, user.pw_gid)
    except OSError as error:
        raise UnavailableError(f"nothing can be given to {user.pw_name}: {error}") from error
    return {"cwd": folder, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _initialise(server: Postgresql) -> None:
    command = [program("initdb"), "-D", f"{server.folder}/data", "--username=facegap"]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, **server.account
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnavailableError(f"initdb cannot be run: {error}") from error
    if done.returncode:
        raise UnavailableError(f"initdb: {done.stderr.strip()}")
