"""Pages of a small sample, without a browser."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient

from facegap.annotate import rounds
from facegap.annotate.site import Album, site
from facegap.crops import Crops
from facegap.web.store import connect

SAMPLE = [f"f{k}" for k in range(6)]


@pytest.fixture
def engine(database: str | Path) -> sa.Engine:
    """A database in which ada and ben each see six faces, in their orders."""
    engine = connect(database, rounds.META)
    rounds.prepare(engine, SAMPLE)
    return engine


@pytest.fixture
def links(engine: sa.Engine) -> dict[str, str]:
    """Tokens of ada, ben and the adjudicator."""
    order = pd.DataFrame({"face_id": SAMPLE, "showing": 0})
    tokens = rounds.seat_people(engine, "labelling", {"ada": order, "ben": order[::-1]})
    nobody = pd.DataFrame({"face_id": [], "showing": []})
    return tokens | rounds.seat_people(engine, "adjudication", {"third": nobody})


@pytest.fixture
def application(tmp_path: Path) -> Callable[[sa.Engine], FastAPI]:
    """Starts the application; of eight faces, f0, f1 and f6 show one person."""
    faces = pd.DataFrame(
        {"subject_id": ["p", "p", None, None, "r", "s", "p", None], "split": "rest"},
        index=pd.Index([f"f{k}" for k in range(8)], name="face_id"),
    ).assign(row=range(8))
    np.save(tmp_path / "shard-0.npy", np.full((8, 16, 16, 3), 90, np.uint8))
    album = Album(faces, Crops([tmp_path / "shard-0.npy"]))
    names = {"inside": "Caucasian", "outside": "<Other>"}
    return partial(site, album=album, boundary="race", sides=names, terms="Keep to the terms.")


@pytest.fixture
def client(engine: sa.Engine, application: Callable[[sa.Engine], FastAPI]) -> Iterator[TestClient]:
    """The application on the database of ada and ben."""
    with TestClient(application(engine)) as client:
        yield client
