"""A human study in the making: who was shown what, and their answers, in a database.

Nothing here reads the key: which image is of which side is not known to page or database.
"""

import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from facegap import tables
from facegap.errors import DataError
from facegap.files import read_json
from facegap.web import tokens
from facegap.web.store import connect, reading, writing

CRITERIA = ("realism", "transfer", "identity")  # the paper's three
CHOICES = ("left", "right")
LONGEST = 24 * 3600.0  # seconds; what is slower is a clock that jumped, and no time
REMEMBERED = 60.0  # seconds that the holder of a link is known without asking the database
Kept = Literal["kept", "refused", "closed", "unknown"]

META = sa.MetaData()
STUDIES = sa.Table(
    "studies",
    META,
    sa.Column("pairs", sa.String(64), primary_key=True),  # digest of the pairs; a single row
    sa.Column("closed_at", sa.Float),
)
PARTICIPANTS = sa.Table(
    "participants",
    META,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("token", sa.String(64), nullable=False, unique=True),  # its hash
    sa.Column("consented", sa.Boolean, nullable=False, default=False),
    sa.Column("started", sa.Boolean, nullable=False, default=False),
    sa.Column("finished", sa.Boolean, nullable=False, default=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False, default=False),
)
ANSWERS = sa.Table(
    "answers",
    META,
    sa.Column("pair_id", sa.String(64), primary_key=True),
    sa.Column("participant", sa.String(64), nullable=False, index=True),
    sa.Column("choice", sa.String(8), nullable=False),
    *(sa.Column(name, sa.String(8)) for name in CRITERIA),
    sa.Column("seconds", sa.Float),
)
FAMILIAR = sa.Table(
    "familiar",
    META,
    sa.Column("person_id", sa.String(64), primary_key=True),
    sa.Column("participant", sa.String(64), nullable=False, index=True),
    sa.Column("known", sa.Boolean, nullable=False),
)


@dataclass(frozen=True)
class Pair:
    """One pair as the page shows it."""

    pair_id: str
    training: bool
    attribute: str
    value: int
    images: tuple[str, str]  # left, right
    originals: tuple[str, str]


@dataclass(frozen=True)
class Plan:
    """What one participant is asked, in order, and the images that they may see."""

    pairs: tuple[Pair, ...]
    persons: tuple[tuple[str, str], ...]  # id and image
    images: frozenset[str]


@dataclass(frozen=True)
class State:
    """How far one participant is."""

    name: str
    consented: bool
    started: bool
    finished: bool
    withdrawn: bool
    closed: bool
    answered: int


class Study:
    """The files of a study and the database of its answers."""

    def __init__(self, folder: str | Path, database: str | Path | None = None) -> None:
        """Open the study in `folder` (results/<study>/judge), with its answers in `database`.

        Raises `DataError` where a file is missing or the database belongs to other pairs.
        """
        self.folder = Path(folder)
        self.sheet = read_json(self.folder / "sheet.json")
        self.plans = _plans(
            tables.read(self.folder / "pairs.parquet", tables.PAIRS),
            tables.read(self.folder / "persons.parquet", tables.PERSONS),
        )
        self.engine = open_database(database or self.folder / "answers.sqlite", self.sheet["pairs"])
        self.owners: dict[str, tuple[str, float]] = {}
        self.archive = zipfile.ZipFile(self.folder / "images.zip")

    def image(self, token: str) -> bytes:
        """The PNG of a blinded id."""
        return self.archive.read(f"{token}.png")

    def invite(self, again: Sequence[str] = ()) -> dict[str, str]:
        """New tokens by participant, for all who have none and those named in `again`.

        An old token of theirs ends; their answers stay. Tokens are told once and kept as hashes.
        """
        if unknown := sorted(set(again) - self.plans.keys()):
            raise DataError(f"no participant {unknown[0]}; there are {', '.join(self.plans)}")
        told = {}
        with writing(self.engine) as connection:
            there = set(connection.execute(sa.select(PARTICIPANTS.c.name)).scalars())
            for name in self.plans:
                if name in there and name not in again:
                    continue
                told[name] = tokens.new()
                hashed = tokens.hashed(told[name])
                connection.execute(
                    PARTICIPANTS.update().where(PARTICIPANTS.c.name == name).values(token=hashed)
                    if name in there
                    else PARTICIPANTS.insert().values(name=name, token=hashed)
                )
        return told

    def who(self, token: str) -> State | None:
        """The state of the holder of `token`; None of a token that is none."""
        with reading(self.engine) as connection:
            return self._state(connection, token)

    def mark(self, state: State, **flags: bool) -> None:
        """Set `flags` (consented, started, finished) of a participant."""
        with writing(self.engine) as connection:
            connection.execute(
                PARTICIPANTS.update().where(PARTICIPANTS.c.name == state.name).values(**flags)
            )

    def remembered(self, token: str) -> str | None:
        """Whose `token` this was within the last minute; for images, of which a page has four."""
        name, until = self.owners.get(token, (None, 0.0))
        return name if time.monotonic() <= until else None

    def owner(self, token: str) -> str | None:
        """Whose `token` this is now, which `remembered` knows from here on."""
        state = self.who(token)
        if state is None:
            self.owners.pop(token, None)
            return None
        self.owners[token] = (state.name, time.monotonic() + REMEMBERED)
        return state.name

    def answer(self, token: str, pair_id: str, values: Mapping[str, Any]) -> Kept:
        """Keep an answer, on disk when this returns.

        `values` are choice, the criteria if asked, and seconds. Answers come in the order of the
        pairs: one to a pair that is not the next is "refused", and of two to the same pair the
        first stands ("kept").
        """
        with writing(self.engine) as connection:
            state = self._state(connection, token)
            if state is None:
                return "unknown"
            if state.closed or state.withdrawn:
                return "closed"
            pairs = self.plans[state.name].pairs
            if any(pair.pair_id == pair_id for pair in pairs[: state.answered]):
                return "kept"
            here = pairs[state.answered : state.answered + 1]
            if not state.started or not here or here[0].pair_id != pair_id:
                return "refused"
            connection.execute(
                ANSWERS.insert().values(pair_id=pair_id, participant=state.name, **values)
            )
        return "kept"

    def recognise(self, token: str, known: Mapping[str, bool]) -> bool:
        """Keep who of the persons a participant knew, once, and that they have finished."""
        with writing(self.engine) as connection:
            state = self._state(connection, token)
            if state is None or state.closed or state.withdrawn:
                return False
            plan = self.plans[state.name]
            if state.answered < len(plan.pairs):
                return False
            if not state.finished and plan.persons:
                rows = [
                    {"person_id": one, "participant": state.name, "known": known[one]}
                    for one, _ in plan.persons
                ]
                connection.execute(FAMILIAR.insert(), rows)
            connection.execute(
                PARTICIPANTS.update().where(PARTICIPANTS.c.name == state.name).values(finished=True)
            )
        return True

    def withdraw(self, state: State) -> None:
        """Delete every answer of a participant, who takes no further part."""
        with writing(self.engine) as connection:
            for table in (ANSWERS, FAMILIAR):
                connection.execute(table.delete().where(table.c.participant == state.name))
            connection.execute(
                PARTICIPANTS.update()
                .where(PARTICIPANTS.c.name == state.name)
                .values(withdrawn=True, finished=False)
            )

    def close(self) -> None:
        """Take no more answers: from here on they may be unblinded. It cannot be undone."""
        with writing(self.engine) as connection:
            connection.execute(
                STUDIES.update().where(STUDIES.c.closed_at.is_(None)).values(closed_at=time.time())
            )

    def status(self) -> pd.DataFrame:
        """A row a participant: invited, consented, answered of pairs, finished, withdrawn."""
        with reading(self.engine) as connection:
            people = {row.name: row for row in connection.execute(sa.select(PARTICIPANTS))}
            counts = _counts(connection)
        return pd.DataFrame(
            [
                {
                    "participant": name,
                    "invited": name in people,
                    "consented": name in people and people[name].consented,
                    "answered": counts.get(name, 0),
                    "pairs": len(plan.pairs),
                    "finished": name in people and people[name].finished,
                    "withdrawn": name in people and people[name].withdrawn,
                }
                for name, plan in self.plans.items()
            ]
        )

    @property
    def closed(self) -> bool:
        """Whether the study is closed."""
        with reading(self.engine) as connection:
            return connection.execute(sa.select(STUDIES.c.closed_at)).scalar() is not None

    def _state(self, connection: Connection, token: str) -> State | None:
        count = (
            sa.select(sa.func.count())
            .where(ANSWERS.c.participant == PARTICIPANTS.c.name)
            .scalar_subquery()
        )
        closed = sa.select(STUDIES.c.closed_at).scalar_subquery()
        row = connection.execute(
            sa.select(PARTICIPANTS, count.label("answered"), closed.label("closed_at")).where(
                PARTICIPANTS.c.token == tokens.hashed(token)
            )
        ).one_or_none()
        if row is None or row.name not in self.plans:
            return None
        flags = (row.consented, row.started, row.finished, row.withdrawn)
        return State(row.name, *flags, row.closed_at is not None, row.answered)


def open_database(address: str | Path, pairs: str) -> Engine:
    """The database at `address`, made if there is none, of the pairs with digest `pairs`."""
    engine = connect(address, META)
    with writing(engine) as connection:
        found = connection.execute(sa.select(STUDIES.c.pairs)).scalar()
        if found is None:
            connection.execute(STUDIES.insert().values(pairs=pairs))
        elif found != pairs:
            raise DataError(
                f"{engine.url.render_as_string()}: its answers belong to other pairs (study"
                f" {found}, these are {pairs}); name another database, or bring back the pairs"
            )
    return engine


def exported(engine: Engine) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers, and persons known, as of one moment; each with the study's digest and `closed`."""
    with reading(engine) as connection:
        study = connection.execute(sa.select(STUDIES)).one_or_none()
        if study is None:
            raise DataError(f"{engine.url.render_as_string()}: no study was begun in it")
        both = [
            pd.DataFrame(connection.execute(sa.select(table)).mappings().all(), columns=names)
            for table, names in ((ANSWERS, ANSWERS.c.keys()), (FAMILIAR, FAMILIAR.c.keys()))
        ]
    closed = study.closed_at is not None
    answers, familiar = (table.assign(study=study.pairs, closed=closed) for table in both)
    return answers, familiar


def _counts(connection: Connection) -> dict[str, int]:
    query = sa.select(ANSWERS.c.participant, sa.func.count()).group_by(ANSWERS.c.participant)
    return dict(connection.execute(query).tuples().all())


def _plans(pairs: pd.DataFrame, persons: pd.DataFrame) -> dict[str, Plan]:
    plans = {}
    asked = dict(list(persons.groupby("participant")))
    for name, part in pairs.sort_values("position").groupby("participant", sort=False):
        shown = tuple(
            Pair(
                row["pair_id"],
                row["training"],
                row["attribute"],
                int(row["value"]),
                (row["left_image"], row["right_image"]),
                (row["left_original"], row["right_original"]),
            )
            for row in part.to_dict("records")
        )
        theirs = asked.get(name, persons[:0]).sort_values("position")
        known = tuple(zip(theirs["person_id"], theirs["image"], strict=True))
        images = frozenset(
            [*(i for pair in shown for i in (*pair.images, *pair.originals)), *theirs["image"]]
        )
        plans[str(name)] = Plan(shown, known, images)
    return dict(sorted(plans.items(), key=lambda item: (len(item[0]), item[0])))
