"""The micro study, for all tests that look at it."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def micro(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the micro study has run to its end, to look at and to plan in."""
    folder = tmp_path_factory.mktemp("micro") / "facegap"
    shutil.copytree(undisturbed, folder, copy_function=shutil.copy2)
    return folder
