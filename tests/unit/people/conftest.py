"""Pages of a small sample and of a small study of pairs, without a browser."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from human import STUDY, Labelling, Opened, Participant, configure, opened, participant
from human import study as make_study

from facegap.crops import Crops
from facegap.people.engine import invite, open_study, seat_people
from facegap.people.facts import codes
from facegap.people.labelling.rounds import faces_in, subject_of
from facegap.people.labelling.site import Album, site

SAMPLE = [f"f{k}" for k in range(6)]


@pytest.fixture
def engine(database: str | Path) -> sa.Engine:
    """A database in which ada and ben each see six faces, in their orders."""
    engine = open_study(database, "labelling", subject_of(SAMPLE))
    orders = {"ada": faces_in(SAMPLE), "ben": faces_in(SAMPLE[::-1])}
    seat_people(engine, "labelling", orders)
    seat_people(engine, "adjudication", {"third": []})
    return engine


@pytest.fixture
def links(engine: sa.Engine) -> dict[str, str]:
    """Tokens of ada, ben and the adjudicator."""
    return {seat.name: token for seat, token in invite(engine)}


@pytest.fixture
def application(tmp_path: Path) -> Callable[[sa.Engine], FastAPI]:
    """Starts the application; of eight faces, f0, f1 and f6 show one person."""
    faces = pd.DataFrame(
        {"subject_id": ["p", "p", None, None, "r", "s", "p", None], "row": range(8)},
        index=pd.Index([f"f{k}" for k in range(8)], name="face_id"),
    )
    np.save(tmp_path / "shard-0.npy", np.full((8, 16, 16, 3), 90, np.uint8))
    album = Album(faces, Crops([tmp_path / "shard-0.npy"]))
    names = {"inside": "Caucasian", "outside": "<Other>"}
    return partial(site, album=album, boundary="race", sides=names, terms="Keep to the terms.")


@pytest.fixture
def client(engine: sa.Engine, application: Callable[[sa.Engine], FastAPI]) -> Iterator[Labelling]:
    """The application on the database of ada and ben."""
    with Labelling(application(engine)) as client:
        client.codes = codes(engine, [f"f{k}" for k in range(8)])
        yield client


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a study of pairs for two participants; not to be changed."""
    return make_study(tmp_path_factory.mktemp("human"))


@pytest.fixture
def study(results: Path, tmp_path: Path, database: str | Path) -> Opened:
    """The study without its keys, which neither page nor database needs to know."""
    copied = tmp_path / "human/results" / STUDY
    keys = shutil.ignore_patterns("key.parquet", "persons_key.parquet")
    shutil.copytree(results, copied, ignore=keys)
    configure(tmp_path / "human")
    return opened(copied, database)


@pytest.fixture
def person(study: Opened) -> Participant:
    """The first participant, with their link."""
    return participant(study, study.invite()["participant-1"])
