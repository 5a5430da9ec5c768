"""Rounds in which people answer: one database for every kind of pages.

A seat is one person in one round, who holds a secret link. A seat is shown items (a face, a pair of
pictures) in an order of its own, and gives one answer to each. Everything that was answered stays
as an event, and one event of an item counts; only a withdrawal deletes.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from facegap.errors import DataError, shown
from facegap.people.facts import CODE_KEY, fact, facts, keep_fact
from facegap.people.statements import (
    ADD_ANSWER,
    ADD_EVENT,
    ADD_ITEM,
    ALL_SEATS,
    ANSWER_TO,
    CHANGE_SEAT,
    NEXT,
    SEAT_OF_ID,
    SEAT_OF_TOKEN,
    SEATS_OF_ROUND,
    SHOWN,
    at,
    place,
    same,
)
from facegap.people.tables import ANSWERS, EARLIER, EVENTS, FACTS, ITEMS, META, RATERS, SEATS
from facegap.people.web.store import (
    DAMAGED,
    connect,
    connect_read_only,
    reading,
    settle,
    writing,
)
from facegap.people.web.tokens import hashed, may_be_token, new_token

log = logging.getLogger(__name__)


class ClosedError(DataError):
    """An answer came after its round was closed, or its seat had withdrawn."""


class ConflictError(DataError):
    """The item has another answer already, as from another window of the same link."""


class Item(NamedTuple):
    """What is shown: its id, 0 for the first time or 1 for the second, and what it is."""

    item: str
    showing: int
    kind: str


@dataclass(frozen=True)
class Seat:
    """One person in one round, and how far they are."""

    id: int
    round: str
    name: str
    invited: bool
    consented: bool
    started: bool
    finished: bool
    withdrawn: bool
    closed: bool  # the round
    answered: int  # of the items
    items: int
    last: int | None  # the event of its last answer


@dataclass(frozen=True)
class Answer:
    """What a seat answers to an item; `details` is what a kind of page asks beside it."""

    item: str
    what: str
    showing: int = 0
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def open_answers(address: str | Path) -> Engine:
    """The database of answers at `address` (SQLite file or URL), made where there is none.

    Raises `StoreError` where it cannot be used, or has the tables of an earlier version.
    """
    return connect(address, META, earlier=EARLIER)


def open_finished(path: Path) -> Engine:
    """The SQLite file of answers at `path`, to read alone; `StoreError` where it cannot be used."""
    return connect_read_only(path, META, earlier=EARLIER)


def open_study(address: str | Path, kind: str, subject: str) -> Engine:
    """The database at `address`, bound to one `kind` of pages and the digest of its `subject`.

    Raises `DataError` where it is bound to another.
    """
    engine = open_answers(address)
    with writing(engine) as connection:
        known = facts(connection)
        for name, value in (("kind", kind), ("subject", subject), (CODE_KEY, new_token())):
            if name not in known and (name == CODE_KEY or not known):
                keep_fact(connection, name, value)
        has_kind, has_subject = fact(connection, "kind"), fact(connection, "subject")
    if (has_kind, has_subject) == (kind, subject):
        return engine
    place = engine.url.render_as_string(hide_password=True)
    if has_kind != kind:
        raise DataError(f"{place}: its answers are of {has_kind}; name another database")
    raise DataError(
        f"{place}: its answers are of another study ({has_subject}, this is {subject}),"
        " with other images, seed, split or pairs; name another database, or go back to the"
        " configuration that it was made with"
    )


def seat_people(engine: Engine, of_round: str, orders: Mapping[str, Iterable[Item]]) -> None:
    """Seat people by name, or add items to who sits; items that a seat has keep their place."""
    with writing(engine) as connection:
        seat_in(connection, of_round, orders)


def seat_in(connection: Connection, of_round: str, orders: Mapping[str, Iterable[Item]]) -> None:
    """Do what `seat_people` does, in a transaction that is under way."""
    for name, order in orders.items():
        where = (SEATS.c.round == of_round) & (SEATS.c.name == name)
        seat = connection.execute(sa.select(SEATS.c.id, SEATS.c.withdrawn).where(where)).first()
        if seat is None:
            added = connection.execute(SEATS.insert().values(round=of_round, name=name))
            _add_items(connection, int(added.inserted_primary_key[0]), order)  # type: ignore[index]
        elif not seat.withdrawn:
            _add_items(connection, seat.id, order)


def invite(
    engine: Engine, again: Iterable[str] = (), *, others: bool = True
) -> list[tuple[Seat, str]]:
    """New tokens for the people named in `again`, and for all `others` who have none.

    An old token of theirs ends; their answers stay. The database stores hashes, so that nobody
    gets to know a token later. A `DataError` names somebody who has no seat.
    """
    again = set(again)
    with writing(engine) as connection:  # of two at once the second finds the first's links
        everybody = seats_in(connection)
        if unknown := sorted(again - {seat.name for seat in everybody}):
            names = ", ".join(dict.fromkeys(seat.name for seat in everybody))
            raise DataError(f"there is no {unknown[0]}; there are {names}")
        wanted = (s for s in everybody if s.name in again or (others and not s.invited))
        fresh = [(seat, new_token()) for seat in wanted]
        for seat, token in fresh:
            _set(connection, seat, token=hashed(token))
    return fresh


def seat_of(engine: Engine, token: str) -> Seat | None:
    """Who holds `token`; None if nobody."""
    if not may_be_token(token):
        return None
    with reading(engine) as connection:
        found = _seats(connection, SEAT_OF_TOKEN, hashed=hashed(token))
    return found[0] if found else None


def seats(engine: Engine, of_round: str | None = None) -> list[Seat]:
    """The seats of a round, or of all rounds, in the order in which they were made."""
    with reading(engine) as connection:
        return seats_in(connection, of_round)


def seats_in(connection: Connection, of_round: str | None = None) -> list[Seat]:
    """What `seats` gives, in a transaction that is under way."""
    if of_round is None:
        return _seats(connection, ALL_SEATS)
    return _seats(connection, SEATS_OF_ROUND, of_round=of_round)


def agree(engine: Engine, seat: Seat) -> None:
    """Note that a seat has consented; a `ClosedError` where it takes no further part."""
    with writing(engine) as connection:
        _require_open(connection, seat)
        _set(connection, seat, consented=True)


def begin(engine: Engine, seat: Seat) -> None:
    """Note that a seat has begun; a `DataError` where it has not consented."""
    with writing(engine) as connection:
        if not _require_open(connection, seat).consented:
            raise DataError(f"{seat.name} has not consented")
        _set(connection, seat, started=True)


def items_in(connection: Connection, seat: Seat) -> list[Item]:
    """What the seat is shown, in its order."""
    wanted = sa.select(ITEMS.c.item, ITEMS.c.showing, ITEMS.c.kind).where(ITEMS.c.seat == seat.id)
    rows = connection.execute(wanted.order_by(ITEMS.c.position)).all()
    return [Item(*row) for row in rows]


def is_shown(engine: Engine, seat: Seat, item: str) -> bool:
    """Whether the item is one of the seat's."""
    given = {"of_seat": seat.id, "of_item": item}
    with reading(engine) as connection:
        return connection.execute(SHOWN, given).first() is not None


def next_item(engine: Engine, seat: Seat) -> Item | None:
    """The next item without an answer, in the seat's order; None when all are answered."""
    with reading(engine) as connection:
        return _next(connection, seat)


def answers_on(engine: Engine, of_round: str, item: str) -> dict[str, str]:
    """What each seat of a round answers to an item that it saw for the first time, by name."""
    with reading(engine) as connection:
        table = answers_in(connection, of_round, ANSWERS.c.item == item, ANSWERS.c.showing == 0)
    return dict(sorted(zip(table["name"], table["what"], strict=True)))


def answers_in(
    connection: Connection, of_round: str, *where: sa.ColumnElement[bool]
) -> pd.DataFrame:
    """The answers of a round that count, in the order in which they were given.

    A row an answer: name, kind, item, showing, what, seconds and details (a dict). Raises
    `DataError` where an answer lacks its seat, item or event, or the details are none that facegap
    stored.
    """
    wanted = (
        sa.select(
            *(SEATS.c.name, ITEMS.c.kind, ANSWERS.c.item, ANSWERS.c.showing),
            *(EVENTS.c.what, EVENTS.c.seconds, EVENTS.c.details),
        )
        .select_from(ANSWERS)
        .outerjoin(EVENTS, (EVENTS.c.id == ANSWERS.c.event) & same(EVENTS, ANSWERS))
        .outerjoin(SEATS, SEATS.c.id == ANSWERS.c.seat)
        .outerjoin(ITEMS, same(ITEMS, ANSWERS))
        .where((SEATS.c.round == of_round) | SEATS.c.round.is_(None), *where)
        .order_by(ANSWERS.c.event)
    )
    columns = [column.name for column in wanted.selected_columns]
    place = connection.engine.url.render_as_string(hide_password=True)
    try:
        table = pd.DataFrame(connection.execute(wanted).tuples().all(), columns=columns)
        json.dumps(table["details"].tolist(), ensure_ascii=False).encode()  # half a letter is none
    except (ValueError, RecursionError) as error:  # of the details, which are JSON
        raise DataError(f"{place}: answers that cannot be read: {error}; {DAMAGED}") from error
    for row in table[table[["name", "kind", "what"]].isna().any(axis=1)].itertuples():
        raise DataError(
            f"{place}: the answer of {shown(row.name)} to {shown(row.item)} lacks its seat, item"
            f" or event; {DAMAGED}"
        )
    strange = [details for details in table["details"] if not isinstance(details, dict)]
    if strange:
        raise DataError(f"{place}: an answer's details are {shown(strange[0])}; {DAMAGED}")
    return table


def record(
    engine: Engine,
    seat: Seat,
    *answers: Answer,
    change: bool = False,
    in_order: bool = False,
    finish: bool = False,
) -> int:
    """Store answers, all or none, on disk when this returns; how many were new.

    The same answer again, as of a button pressed twice, changes nothing. Raises `ClosedError`
    after the round was closed or the seat has withdrawn, `ConflictError` where an item has another
    answer already (unless this is a `change`), and `DataError` for an item that is not the seat's
    or, `in_order`, not its next. With `finish` the seat is finished, once all is answered.
    """
    with writing(engine) as connection:
        new = record_in(connection, seat, *answers, change=change, in_order=in_order)
        if finish:
            (now,) = _seats(connection, SEAT_OF_ID, of_seat=seat.id)
            if now.answered < now.items:
                raise DataError(f"{seat.name} has not answered everything")
            _set(connection, seat, finished=True)
    return new


def record_in(
    connection: Connection,
    seat: Seat,
    *answers: Answer,
    change: bool = False,
    in_order: bool = False,
) -> int:
    """Store answers in a transaction that is under way; how many were new."""
    now = _require_open(connection, seat)
    return sum(
        _recorded(connection, now, answer, change=change, in_order=in_order) for answer in answers
    )


def skip(engine: Engine, seat: Seat, item: str, showing: int) -> None:
    """Move an item behind all others of the seat."""
    with writing(engine) as connection:
        _require_open(connection, seat)
        last = sa.select(sa.func.max(ITEMS.c.position)).where(ITEMS.c.seat == seat.id)
        position = (connection.execute(last).scalar() or 0) + 1
        moved = ITEMS.update().where(*at(ITEMS)).values(position=position)
        if connection.execute(moved, place(seat.id, item, showing)).rowcount:
            _add_event(connection, seat, Answer(item, "skip", showing))


def undo(engine: Engine, seat: Seat, event: int) -> None:
    """Take the seat's last answer back, if it is of that event; its item is the next.

    An answer that was taken back already, as by a button pressed twice, changes nothing.
    """
    with writing(engine) as connection:
        if _require_open(connection, seat).last != event:
            return
        wanted = sa.select(ANSWERS).where(ANSWERS.c.event == event)
        row = connection.execute(wanted).mappings().one()
        where = place(seat.id, row["item"], row["showing"])
        connection.execute(ANSWERS.delete().where(*at(ANSWERS)), where)
        first = sa.select(sa.func.min(ITEMS.c.position)).where(ITEMS.c.seat == seat.id)
        position = (connection.execute(first).scalar() or 0) - 1
        connection.execute(ITEMS.update().where(*at(ITEMS)).values(position=position), where)
        _add_event(connection, seat, Answer(row["item"], "undo", row["showing"]))


def withdraw(engine: Engine, seat: Seat) -> None:
    """Delete all that a seat answered, from the disk too; it takes no further part."""
    with writing(engine) as connection:
        _require_open(connection, seat)
        apart = [RATERS] if sa.inspect(connection).has_table(RATERS.name) else []
        for table in (ANSWERS, EVENTS, ITEMS, *apart):
            connection.execute(table.delete().where(table.c.seat == seat.id))
        _set(connection, seat, withdrawn=True, finished=False)
    if not settle(engine):
        log.warning("withdrawn answers stay in the write-ahead log until the server ends")


@contextmanager
def closing(engine: Engine, of_round: str) -> Iterator[Connection]:
    """A transaction after which a round takes no more answers, and what it has is on disk.

    The round stays open when the block raises: what is to be known and written before a round can
    be closed belongs into the block.
    """
    with writing(engine) as connection:
        keep_fact(connection, f"closed {of_round}", "yes")
        yield connection
    if not settle(engine):
        log.warning("the database is in use: copy its write-ahead log (-wal) with it")


def reopen(engine: Engine, of_round: str) -> None:
    """Take answers in a round again."""
    with writing(engine) as connection:
        connection.execute(FACTS.delete().where(FACTS.c.name == f"closed {of_round}"))


def _seats(connection: Connection, wanted: sa.Select[Any], **given: object) -> list[Seat]:
    return [
        Seat(
            *(row.id, row.round, row.name, row.token is not None),
            *(row.consented, row.started, row.finished, row.withdrawn),
            *(row.closed > 0, row.answered, row.items, row.last),
        )
        for row in connection.execute(wanted, given)
    ]


def _require_open(connection: Connection, seat: Seat) -> Seat:
    """The seat as it is now; a `ClosedError` where it takes no answers."""
    (now,) = _seats(connection, SEAT_OF_ID, of_seat=seat.id)
    if now.withdrawn:
        raise ClosedError(f"{seat.name} has withdrawn: no more answers are taken")
    if now.closed:
        raise ClosedError(f"{seat.round} is closed: no more answers are taken")
    return now


def _recorded(
    connection: Connection, seat: Seat, answer: Answer, *, change: bool, in_order: bool
) -> int:
    """1 where the answer is new or changed, 0 where it is known."""
    where = place(seat.id, answer.item, answer.showing)
    row = connection.execute(ANSWER_TO, where).first()
    if row is None:
        raise DataError(f"{answer.item} is not shown to {seat.name}")
    if row.what == answer.what:
        return 0
    if row.what is not None and not change:
        raise ConflictError(
            f"{seat.name} has answered {row.what!r} on {answer.item} already, not {answer.what!r};"
            " keep one"
        )
    if in_order and _next(connection, seat) != (answer.item, answer.showing, row.kind):
        raise DataError(f"{answer.item} is not the next of {seat.name}")
    event = _add_event(connection, seat, answer)
    if row.what is None:
        given = {"seat": seat.id, "item": answer.item, "showing": answer.showing, "event": event}
        connection.execute(ADD_ANSWER, given)
    else:
        connection.execute(ANSWERS.update().where(*at(ANSWERS)).values(event=event), where)
    return 1


def _next(connection: Connection, seat: Seat) -> Item | None:
    row = connection.execute(NEXT, {"of_seat": seat.id}).first()
    return Item(*row) if row else None


def _add_items(connection: Connection, seat: int, order: Iterable[Item]) -> None:
    wanted = sa.select(ITEMS.c.item, ITEMS.c.showing, ITEMS.c.position)
    rows = connection.execute(wanted.where(ITEMS.c.seat == seat)).all()
    known = {(item, showing) for item, showing, _ in rows}
    start = max((position for *_, position in rows), default=-1) + 1
    new = [shown for shown in order if shown[:2] not in known]
    values = [{**item._asdict(), "seat": seat, "position": start + k} for k, item in enumerate(new)]
    if values:
        connection.execute(ADD_ITEM, values)


def _add_event(connection: Connection, seat: Seat, answer: Answer) -> int:
    values = {"seat": seat.id, "item": answer.item, "showing": answer.showing, "what": answer.what}
    values |= {"details": dict(answer.details), "seconds": answer.seconds}
    added = connection.execute(ADD_EVENT, values)
    return int(added.inserted_primary_key[0])  # type: ignore[index]


def _set(connection: Connection, seat: Seat, **values: object) -> None:
    connection.execute(CHANGE_SEAT, {"of_seat": seat.id, **values})
