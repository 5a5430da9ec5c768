"""What single kinds of pages ask of a database of answers."""

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from facegap.people.engine import Seat
from facegap.people.statements import same
from facegap.people.tables import ANSWERS, EVENTS, ITEMS
from facegap.people.web.store import reading


def answers_to(engine: Engine, seat: Seat, items: Iterable[str]) -> dict[str, str]:
    """What a seat answers to some of its items, of those that it has answered."""
    wanted = sa.select(ANSWERS.c.item, EVENTS.c.what).join(EVENTS, EVENTS.c.id == ANSWERS.c.event)
    theirs = (ANSWERS.c.seat == seat.id) & ANSWERS.c.item.in_(list(items))
    with reading(engine) as connection:
        return dict(connection.execute(wanted.where(theirs)).tuples().all())


def kind_of(engine: Engine, seat: Seat, item: str) -> str | None:
    """Of which kind an item of a seat is; None where it is not theirs."""
    wanted = sa.select(ITEMS.c.kind).where(ITEMS.c.seat == seat.id, ITEMS.c.item == item)
    with reading(engine) as connection:
        return connection.execute(wanted).scalar()


def unanswered(engine: Engine, seat: Seat) -> list[str]:
    """The items that a seat has not answered, in its order."""
    wanted = sa.select(ITEMS.c.item).where(
        ITEMS.c.seat == seat.id, ~sa.exists().where(same(ITEMS, ANSWERS))
    )
    with reading(engine) as connection:
        return list(connection.execute(wanted.order_by(ITEMS.c.position)).scalars())


def paces(connection: Connection) -> dict[int, float]:
    """The median seconds of an answer, by seat, of those whose answers have times."""
    wanted = sa.select(ANSWERS.c.seat, EVENTS.c.seconds).join(
        EVENTS, EVENTS.c.id == ANSWERS.c.event
    )
    times: dict[int, list[float]] = defaultdict(list)
    for seat, seconds in connection.execute(wanted.where(EVENTS.c.seconds.is_not(None))):
        times[seat].append(seconds)
    return {seat: median(each) for seat, each in times.items()}
