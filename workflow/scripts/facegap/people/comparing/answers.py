"""The answers of participants, out of their database; nothing here knows the pages."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from facegap.errors import DataError, listed, shown
from facegap.people.engine import answers_in, open_finished
from facegap.people.facts import fact, facts
from facegap.people.tables import RATERS, SEATS
from facegap.people.web.store import reading
from facegap.spreadsheets import read_csv
from facegap.tables.judge import CRITERIA

ROUND = "comparing"


def exported(engine: Engine) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers, and persons known, as of one moment; each with the study's digest and `closed`.

    Answers: pair_id, participant, choice, the criteria, seconds and pixels. Persons: person_id,
    participant and known.
    """
    with reading(engine) as connection:
        return exported_in(connection)


def exported_in(connection: Connection) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `exported` gives, in a transaction that is under way."""
    given, known = answers_in(connection, ROUND), facts(connection)
    place = connection.engine.url.render_as_string(hide_password=True)
    if known.get("kind") != ROUND:
        raise DataError(f"{place}: no study of pairs was begun in it")
    for kind in given["kind"][~given["kind"].isin(["pair", "person"])]:
        raise DataError(f"{place}: an answer to what is neither pair nor person: {shown(kind)}")
    study = fact(connection, "subject")
    about: dict[str, Any] = {"study": study, "closed": f"closed {ROUND}" in known}
    given = given.rename(columns={"name": "participant"})
    pairs = given[given["kind"] == "pair"].rename(columns={"item": "pair_id", "what": "choice"})
    asked: dict[str, Any] = {
        name: [details.get(name) for details in pairs["details"]] for name in (*CRITERIA, "pixels")
    }
    pairs = pairs.assign(**asked, **about)
    persons = given[given["kind"] == "person"].rename(columns={"item": "person_id"})
    known_as = {"yes": True, "no": False}  # another word stays, for who reads it to refuse
    persons = persons.assign(known=[known_as.get(word, word) for word in persons["what"]], **about)
    columns = ["pair_id", "participant", "choice", *CRITERIA, "seconds", "pixels", *about]
    return (
        pairs[columns].reset_index(drop=True),
        persons[["person_id", "participant", "known", *about]].reset_index(drop=True),
    )


def read_database(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `exported` gives of the SQLite file at `path`, which has to exist, and is only read."""
    if not os.path.isfile(path):  # noqa: PTH113, which a name that is too long is not either
        raise DataError(f"{path}: no such database")
    engine = open_finished(path)
    try:
        return exported(engine)
    finally:
        engine.dispose()


def read_raters(path: Path, sides: Mapping[str, str | None], fewest: int) -> pd.DataFrame:
    """What `raters_in` gives of the SQLite file at `path`, which is only read."""
    engine = open_finished(path)
    try:
        with reading(engine) as connection:
            return raters_in(connection, sides, fewest)
    finally:
        engine.dispose()


def raters_in(connection: Connection, sides: Mapping[str, str | None], fewest: int) -> pd.DataFrame:
    """The side of each participant who said one: participant, side.

    None of a side with fewer than so many participants: who they are could be told.
    """
    if not sa.inspect(connection).has_table(RATERS.name):
        return pd.DataFrame(columns=["participant", "side"])
    wanted = sa.select(SEATS.c.name, RATERS.c.answer).join(RATERS, RATERS.c.seat == SEATS.c.id)
    wanted = wanted.where(SEATS.c.round == ROUND, ~SEATS.c.withdrawn).order_by(SEATS.c.id)
    rows = connection.execute(wanted).tuples().all()
    given = pd.DataFrame(rows, columns=["participant", "answer"])
    given = given.assign(side=given["answer"].map(dict(sides)))
    return without_few(given[["participant", "side"]].dropna(), fewest)


def without_few(raters: pd.DataFrame, fewest: int) -> pd.DataFrame:
    """`raters` (participant, side) of sides with so many participants."""
    count = raters["side"].map(raters["side"].value_counts())
    return raters[count >= fewest].reset_index(drop=True)


def answered(place: Path, pairs: str) -> int:
    """How many answers a database or a CSV file has to the pairs of this digest."""
    given = read_csv(place) if place.suffix.lower() == ".csv" else read_database(place)[0]
    if "pair_id" not in given:
        raise DataError(f"{place}: no column pair_id; it has {listed(given.columns)}")
    return int((given["study"] == pairs).sum()) if "study" in given else len(given)
