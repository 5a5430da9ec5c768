"""What tests of several folders share.

The databases of answers; and, of the fault tests, an undisturbed run to compare with, and the table
that they fill.
"""

import fcntl
import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from postgresql import Postgresql, UnavailableError
from postgresql import postgresql as start_postgresql
from reliability import Reliability
from runs import MICRO, ROOT, copy_code, snakemake

# no deadlines and the same examples each time: a commit is judged alike whenever it is tested;
# --hypothesis-profile=search looks for new ones
settings.register_profile("search", settings.get_profile("ci"), derandomize=False)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-reliability",
        action="store_true",
        help="write the table of docs/reliability.md from what the fault tests saw",
    )


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: tests of SLURM and of browsers wait more than they work."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no worker begins them when the others have ended."""
    first = ("tests/cluster", "tests/workflow", "tests/browser")
    items.sort(key=lambda item: not item.nodeid.startswith(first))
    items.sort(key=lambda item: not item.nodeid.startswith(first[0]))


def pytest_collection_finish() -> None:
    """What was imported stays: collections of garbage, a second each, need not look through it."""
    gc.freeze()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the micro study has run to its end; not to be changed."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # which the workers share
    with (place / "undisturbed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = place / "undisturbed"
        if not (folder / "ended").exists():
            shutil.rmtree(folder, ignore_errors=True)
            done = snakemake(copy_code(folder), "--cores", "all", *MICRO)
            assert done.returncode == 0, done.stdout[-8000:]
            (folder / "ended").touch()
    return folder


@pytest.fixture(scope="session")
def micro(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the micro study has run to its end, to look at and to plan in."""
    folder = tmp_path_factory.mktemp("micro") / "facegap"
    shutil.copytree(undisturbed, folder, copy_function=shutil.copy2)
    return folder


@pytest.fixture
def disturbed(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of the undisturbed run, to disturb."""
    folder = tmp_path / "facegap"
    shutil.copytree(undisturbed, folder, copy_function=shutil.copy2)
    return folder


@pytest.fixture(scope="session")
def reliability(request: pytest.FixtureRequest) -> Iterator[Reliability]:
    """The table of faults, written into docs/reliability.md where that is asked for."""
    table = Reliability()
    yield table
    if request.config.getoption("--write-reliability"):
        table.write(ROOT / "docs/reliability.md")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A PostgreSQL server; skipped where there is none."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start_postgresql())
        except UnavailableError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | Path]:
    """The address of an empty database of answers, of either kind."""
    if request.param == "sqlite":
        yield tmp_path / "a.sqlite"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    with server.database() as address:
        yield address
