"""A small study and who takes part, without a browser."""

import shutil
from pathlib import Path

import pytest
from human import Participant, participant
from human import study as make_study

from facegap.judge.study import Study


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pairs of two participants; not to be changed."""
    return make_study(tmp_path_factory.mktemp("human")) / "judge"


@pytest.fixture
def study(pairs: Path, tmp_path: Path, database: str | Path) -> Study:
    """The study without its keys, which neither page nor database needs to know."""
    folder = shutil.copytree(pairs, tmp_path / "judge")
    for key in ("key.parquet", "persons_key.parquet"):
        (folder / key).unlink()
    return Study(folder, database)


@pytest.fixture
def person(study: Study) -> Participant:
    """The first participant, with their link."""
    return participant(study, study.invite()["participant-1"])
