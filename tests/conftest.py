"""What the fault tests share: an undisturbed run to compare with, and the table they fill."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability import Reliability
from runs import ROOT, copy_code, snakemake

NANO = ("--configfile", "nano.yaml")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-reliability",
        action="store_true",
        help="write the table of docs/reliability.md from what the fault tests saw",
    )


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the nano study has run to its end; not to be changed."""
    folder = copy_code(tmp_path_factory.mktemp("undisturbed") / "facegap")
    done = snakemake(folder, "--cores", "all", *NANO)
    assert done.returncode == 0, done.stdout[-8000:]
    return folder


@pytest.fixture
def nano(undisturbed: Path, tmp_path: Path) -> Path:
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
