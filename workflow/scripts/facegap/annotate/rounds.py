"""Who labels which faces in what order, and what they said: the database of the labelling page.

Three rounds: `labelling` of the sample, `adjudication` of what annotators differ on, and
`verification` of the persons whom no accepted proposal placed. A seat is one person in one round.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from facegap import tables
from facegap.errors import DataError
from facegap.web import tokens
from facegap.web.store import reading, writing

ROUNDS = ("labelling", "adjudication", "verification")
META = sa.MetaData()
FACTS = sa.Table(
    "facts",
    META,
    sa.Column("name", sa.String, primary_key=True),  # sample, or closed <round>
    sa.Column("value", sa.String, nullable=False),
)
SEATS = sa.Table(
    "seats",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("round", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("token", sa.String, nullable=False, unique=True),  # its hash
    sa.UniqueConstraint("round", "name"),
)
SHOWINGS = sa.Table(
    "showings",
    META,
    sa.Column("seat", sa.ForeignKey(SEATS.c.id), primary_key=True),
    sa.Column("face_id", sa.String, primary_key=True),
    sa.Column("showing", sa.Integer, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)
CURRENT = sa.Table(
    "answers",
    META,
    sa.Column("seat", sa.ForeignKey(SEATS.c.id), primary_key=True),
    sa.Column("face_id", sa.String, primary_key=True),
    sa.Column("showing", sa.Integer, primary_key=True),
    sa.Column("side", sa.String, nullable=False),
    sa.Column("tentative", sa.Boolean, nullable=False),
    sa.Column("event", sa.Integer, nullable=False),
)
EVENTS = sa.Table(  # everything that was ever said; nothing is deleted here
    "events",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("seat", sa.ForeignKey(SEATS.c.id), nullable=False),
    sa.Column("face_id", sa.String, nullable=False),
    sa.Column("showing", sa.Integer, nullable=False),
    sa.Column("what", sa.String, nullable=False),  # a side, unsure, skip, undo
    sa.Column("tentative", sa.Boolean, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("at", sa.String, nullable=False),
)


class ClosedError(DataError):
    """An answer came after its round was closed."""


class ConflictError(DataError):
    """A face was answered differently in another window of the same link."""


@dataclass(frozen=True)
class Seat:
    """One person in one round."""

    id: int
    round: str
    name: str


@dataclass(frozen=True)
class Task:
    """A face to answer on, and how far its seat is."""

    face_id: str
    showing: int
    done: int
    total: int


@dataclass(frozen=True)
class Answer:
    """What was said of a face."""

    face_id: str
    showing: int
    side: str
    tentative: bool = False
    seconds: float | None = None


def prepare(engine: Engine, sample: Iterable[str]) -> None:
    """Bind the database to one sample of faces; a `DataError` where it is another's."""
    digest = tokens.hashed("\n".join(sorted(sample)))
    with writing(engine) as connection:
        known = _fact(connection, "sample")
        if known is None:
            connection.execute(FACTS.insert().values(name="sample", value=digest))
        elif known != digest:
            place = engine.url.render_as_string(hide_password=True)
            raise DataError(
                f"{place}: labels another sample of faces (other images, seed or split); name"
                " another database, or go back to the configuration that it was made with"
            )


def seat_people(
    engine: Engine, of_round: str, orders: Mapping[str, pd.DataFrame], *, anew: bool = False
) -> dict[str, str]:
    """Seat people by name, or add faces to who sits; the new tokens by name.

    `orders` has for each the faces in their order (`face_id`, `showing`); faces that a seat has
    keep their place. With `anew` everybody gets a new token and the old links end.
    """
    fresh: dict[str, str] = {}
    with writing(engine) as connection:
        for name, order in orders.items():
            where = (SEATS.c.round == of_round) & (SEATS.c.name == name)
            seat = connection.execute(sa.select(SEATS.c.id).where(where)).scalar()
            if seat is None or anew:
                fresh[name] = tokens.new()
                values = {"round": of_round, "name": name, "token": tokens.hashed(fresh[name])}
                if seat is None:
                    made = connection.execute(SEATS.insert().values(values))
                    seat = int(made.inserted_primary_key[0])  # type: ignore[index]
                else:
                    connection.execute(SEATS.update().where(SEATS.c.id == seat).values(values))
            _add_showings(connection, seat, order)
    return fresh


def order_of(faces: "pd.Series[str]", repeated: float, rng: np.random.Generator) -> pd.DataFrame:
    """The faces shuffled, a share `repeated` of them shown again later: `face_id`, `showing`."""
    first = rng.permutation(faces.sort_values().to_numpy(object))
    n = len(first)
    again = np.sort(rng.choice(n, round(repeated * n), replace=False))
    later = again + 1 + rng.random(len(again)) * (n - again)  # anywhere after the first time
    rows = pd.DataFrame(
        {
            "face_id": np.concatenate([first, first[again]]),
            "showing": np.repeat([0, 1], [n, len(again)]),
            "place": np.concatenate([np.arange(n, dtype=float), later]),
        }
    )
    return rows.sort_values("place", kind="stable", ignore_index=True)[["face_id", "showing"]]


def seat_of(engine: Engine, token: str) -> Seat | None:
    """Who holds `token`; None if nobody."""
    with reading(engine) as connection:
        where = SEATS.c.token == tokens.hashed(token)
        row = connection.execute(sa.select(SEATS).where(where)).mappings().first()
    return Seat(row["id"], row["round"], row["name"]) if row else None


def is_closed(engine: Engine, of_round: str) -> bool:
    """Whether the round takes no more answers."""
    with reading(engine) as connection:
        return _fact(connection, f"closed {of_round}") is not None


def next_task(engine: Engine, seat: Seat) -> Task | None:
    """The next face without an answer, in the seat's order; None when all are answered."""
    answered = sa.exists().where(
        (CURRENT.c.seat == SHOWINGS.c.seat)
        & (CURRENT.c.face_id == SHOWINGS.c.face_id)
        & (CURRENT.c.showing == SHOWINGS.c.showing)
    )
    wanted = (
        sa.select(SHOWINGS.c.face_id, SHOWINGS.c.showing)
        .where((SHOWINGS.c.seat == seat.id) & ~answered)
        .order_by(SHOWINGS.c.position)
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(wanted).first()
        done, total = (_count(connection, table, seat.id) for table in (CURRENT, SHOWINGS))
    return Task(row[0], row[1], done, total) if row else None


def progress(engine: Engine, seat: Seat) -> tuple[int, int]:
    """Faces answered, and faces in all."""
    with reading(engine) as connection:
        done, total = (_count(connection, table, seat.id) for table in (CURRENT, SHOWINGS))
    return done, total


def is_shown(engine: Engine, seat: Seat, face_id: str) -> bool:
    """Whether the face is one of the seat's."""
    with reading(engine) as connection:
        where = (SHOWINGS.c.seat == seat.id) & (SHOWINGS.c.face_id == face_id)
        return connection.execute(sa.select(SHOWINGS.c.position).where(where)).first() is not None


def record(engine: Engine, seat: Seat, answer: Answer, *, change: bool = False) -> None:
    """Keep an answer; it is on disk when this returns.

    The same answer again, as of a button pressed twice, changes nothing. Raises `ClosedError`
    after the round was closed, `ConflictError` where the face has another answer already (unless
    this is a `change`), and `DataError` for a face that is not the seat's.
    """
    key = {"seat": seat.id, "face_id": answer.face_id, "showing": answer.showing}
    with writing(engine) as connection:
        _require_open(connection, seat)
        shown = sa.select(SHOWINGS.c.position).where(*_is(SHOWINGS, key))
        if connection.execute(shown).first() is None:
            raise DataError(f"face {answer.face_id} is not shown to {seat.name}")
        known = connection.execute(sa.select(CURRENT.c.side).where(*_is(CURRENT, key))).scalar()
        if known == answer.side:
            return
        if known is not None and not change:
            raise ConflictError(
                f"this face already has the answer {known!r}, given in another window of the same"
                " link"
            )
        event = _event(connection, key, answer.side, answer.tentative, answer.seconds)
        values = {"side": answer.side, "tentative": answer.tentative, "event": event}
        if known is None:
            connection.execute(CURRENT.insert().values(**key, **values))
        else:
            connection.execute(CURRENT.update().where(*_is(CURRENT, key)).values(values))


def skip(engine: Engine, seat: Seat, face_id: str, showing: int) -> None:
    """Move a face behind all others of the seat."""
    key = {"seat": seat.id, "face_id": face_id, "showing": showing}
    with writing(engine) as connection:
        _require_open(connection, seat)
        last = sa.select(sa.func.max(SHOWINGS.c.position)).where(SHOWINGS.c.seat == seat.id)
        position = (connection.execute(last).scalar() or 0) + 1
        moved = SHOWINGS.update().where(*_is(SHOWINGS, key)).values(position=position)
        if connection.execute(moved).rowcount:
            _event(connection, key, "skip", False, None)


def undo(engine: Engine, seat: Seat) -> None:
    """Take the seat's last answer back, if there is one; its face is the next."""
    with writing(engine) as connection:
        _require_open(connection, seat)
        last = (
            sa.select(CURRENT)
            .where(CURRENT.c.seat == seat.id)
            .order_by(CURRENT.c.event.desc())
            .limit(1)
        )
        row = connection.execute(last).mappings().first()
        if row is None:
            return
        key = {name: row[name] for name in ("seat", "face_id", "showing")}
        connection.execute(CURRENT.delete().where(*_is(CURRENT, key)))
        first = sa.select(sa.func.min(SHOWINGS.c.position)).where(SHOWINGS.c.seat == seat.id)
        position = (connection.execute(first).scalar() or 0) - 1
        connection.execute(SHOWINGS.update().where(*_is(SHOWINGS, key)).values(position=position))
        _event(connection, key, "undo", False, None)


def last_answer(engine: Engine, seat: Seat, face_id: str) -> str | None:
    """The seat's first answer on a face."""
    with reading(engine) as connection:
        key = {"seat": seat.id, "face_id": face_id, "showing": 0}
        return connection.execute(sa.select(CURRENT.c.side).where(*_is(CURRENT, key))).scalar()


def answers_on(engine: Engine, of_round: str, face_id: str) -> dict[str, str]:
    """What each annotator of a round first said of a face, by name."""
    wanted = (
        sa.select(SEATS.c.name, CURRENT.c.side)
        .join(SEATS, SEATS.c.id == CURRENT.c.seat)
        .where(
            (SEATS.c.round == of_round) & (CURRENT.c.face_id == face_id) & (CURRENT.c.showing == 0)
        )
        .order_by(SEATS.c.name)
    )
    with reading(engine) as connection:
        return {row.name: row.side for row in connection.execute(wanted)}


def seats(engine: Engine, of_round: str) -> list[Seat]:
    """The seats of a round, by name."""
    with reading(engine) as connection:
        wanted = sa.select(SEATS).where(SEATS.c.round == of_round).order_by(SEATS.c.name)
        rows = connection.execute(wanted).mappings().all()
    return [Seat(row["id"], row["round"], row["name"]) for row in rows]


def answers_of(engine: Engine, seat: Seat) -> pd.DataFrame:
    """All of a seat's answers (ANSWERS), by face id and showing."""
    with reading(engine) as connection:
        wanted = sa.select(CURRENT).where(CURRENT.c.seat == seat.id)
        rows = [dict(row) for row in connection.execute(wanted).mappings()]
    columns = list(tables.ANSWERS.columns)
    return (
        pd.DataFrame(rows, columns=[*columns])
        .astype({"face_id": "str", "side": "str", "tentative": bool, "showing": "int64"})
        .sort_values(["face_id", "showing"], ignore_index=True)
    )


def bring_in(engine: Engine, seat: Seat, answers: pd.DataFrame) -> int:
    """Keep answers (ANSWERS) that were given elsewhere; how many were new.

    All or none: a `ConflictError` names a face that has another answer here.
    """
    new = 0
    with writing(engine) as connection:
        _require_open(connection, seat)
        known = {
            (row.face_id, row.showing): row.side
            for row in connection.execute(sa.select(CURRENT).where(CURRENT.c.seat == seat.id))
        }
        shown = {
            (row.face_id, row.showing)
            for row in connection.execute(sa.select(SHOWINGS).where(SHOWINGS.c.seat == seat.id))
        }
        for row in answers.to_dict("records"):
            place = (row["face_id"], row["showing"])
            if place not in shown:
                if row["showing"] == 0:
                    raise DataError(f"face {row['face_id']} is not shown to {seat.name}")
                continue
            if known.get(place, row["side"]) != row["side"]:
                raise ConflictError(
                    f"{seat.name} has answered {known[place]!r} on face {row['face_id']} here, and"
                    f" {row['side']!r} in the file; keep one"
                )
            if place in known:
                continue
            key = {"seat": seat.id, "face_id": place[0], "showing": place[1]}
            event = _event(connection, key, row["side"], bool(row["tentative"]), None)
            values = {"side": row["side"], "tentative": bool(row["tentative"]), "event": event}
            connection.execute(CURRENT.insert().values(**key, **values))
            new += 1
    return new


def close(engine: Engine, of_round: str, *, again: bool = False) -> None:
    """Take no more answers in a round, or, with `again`, take them again."""
    with writing(engine) as connection:
        name = f"closed {of_round}"
        connection.execute(FACTS.delete().where(FACTS.c.name == name))
        if not again:
            connection.execute(FACTS.insert().values(name=name, value=_now()))


def _add_showings(connection: Connection, seat: int, order: pd.DataFrame) -> None:
    there = sa.select(SHOWINGS.c.face_id, SHOWINGS.c.showing, SHOWINGS.c.position)
    rows = connection.execute(there.where(SHOWINGS.c.seat == seat)).all()
    known = {(face, showing) for face, showing, _ in rows}
    start = max((position for *_, position in rows), default=-1) + 1
    pairs = zip(order["face_id"], order["showing"], strict=True)
    new = [(str(face), int(showing)) for face, showing in pairs]
    new = [pair for pair in new if pair not in known]
    if new:
        connection.execute(
            SHOWINGS.insert(),
            [
                {"seat": seat, "face_id": face, "showing": showing, "position": start + k}
                for k, (face, showing) in enumerate(new)
            ],
        )


def _is(table: sa.Table, key: Mapping[str, object]) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _fact(connection: Connection, name: str) -> str | None:
    wanted = sa.select(FACTS.c.value).where(FACTS.c.name == name)
    found: str | None = connection.execute(wanted).scalar()
    return found


def _count(connection: Connection, table: sa.Table, seat: int) -> int:
    wanted = sa.select(sa.func.count()).select_from(table).where(table.c.seat == seat)
    return int(connection.execute(wanted).scalar() or 0)


def _require_open(connection: Connection, seat: Seat) -> None:
    if _fact(connection, f"closed {seat.round}") is not None:
        raise ClosedError(f"the {seat.round} is closed: no more answers are taken")


def _event(
    connection: Connection,
    key: Mapping[str, object],
    what: str,
    tentative: bool,
    seconds: float | None,
) -> int:
    values = {"what": what, "tentative": tentative, "seconds": seconds, "at": _now()}
    made = connection.execute(EVENTS.insert().values(**key, **values))
    return int(made.inserted_primary_key[0])  # type: ignore[index]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def differing(answers: Mapping[str, pd.DataFrame]) -> "pd.Series[str]":
    """Faces that all have answered, and not all with the same side, by face id."""
    first = {
        name: table[table["showing"] == 0].set_index("face_id")["side"]
        for name, table in answers.items()
    }
    together = pd.DataFrame(first).dropna()
    one = together.eq(together.iloc[:, 0], axis=0).all(axis=1)
    agreed = one & together.iloc[:, 0].isin(tables.SIDES)
    return pd.Series(together.index[~agreed]).sort_values(ignore_index=True)
