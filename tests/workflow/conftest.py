"""The micro study, run once for all tests that look at it."""

from pathlib import Path

import pytest
from runs import copy_code, snakemake


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the micro study has run to its end."""
    folder = copy_code(tmp_path_factory.mktemp("micro") / "facegap")
    done = snakemake(folder, "--cores", "all", "--configfile", "micro.yaml")
    assert done.returncode == 0, done.stdout[-8000:]
    return folder
