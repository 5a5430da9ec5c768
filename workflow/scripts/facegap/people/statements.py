"""The questions that every page asks the database: made once, since making one takes longest."""

from typing import Any

import sqlalchemy as sa

from facegap.people.tables import ANSWERS, EVENTS, FACTS, ITEMS, PLACE, SEATS, VISITORS


def at(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """That a row is of the seat, item and showing that are given with the question."""
    return [table.c[name] == sa.bindparam(f"of_{name}") for name in PLACE]


def place(seat: int, item: str, showing: int) -> dict[str, Any]:
    """What is to be given to a question with `at`."""
    return {"of_seat": seat, "of_item": item, "of_showing": showing}


def same(one: sa.Table, two: sa.Table) -> sa.ColumnElement[bool]:
    """That two rows are of one seat, item and showing."""
    return sa.and_(*(one.c[name] == two.c[name] for name in PLACE))


def _seats() -> sa.Select[Any]:
    answered, items = (
        sa.select(sa.func.count()).where(table.c.seat == SEATS.c.id).scalar_subquery()
        for table in (ANSWERS, ITEMS)
    )
    is_fact = FACTS.c.name == sa.literal("closed ") + SEATS.c.round
    closed = sa.select(sa.func.count(FACTS.c.name)).where(is_fact).correlate(SEATS)
    last = sa.select(sa.func.max(ANSWERS.c.event)).where(ANSWERS.c.seat == SEATS.c.id)
    return sa.select(
        SEATS,
        last.scalar_subquery().label("last"),
        closed.scalar_subquery().label("closed"),
        answered.label("answered"),
        items.label("items"),
    ).order_by(SEATS.c.id)


ALL_SEATS = _seats()
SEATS_OF_ROUND = ALL_SEATS.where(SEATS.c.round == sa.bindparam("of_round"))
SEAT_OF_TOKEN = ALL_SEATS.where(SEATS.c.token == sa.bindparam("hashed"))
SEAT_OF_ID = ALL_SEATS.where(SEATS.c.id == sa.bindparam("of_seat"))
NEXT = (
    sa.select(ITEMS.c.item, ITEMS.c.showing, ITEMS.c.kind)
    .where(ITEMS.c.seat == sa.bindparam("of_seat"), ~sa.exists().where(same(ITEMS, ANSWERS)))
    .order_by(ITEMS.c.position)
    .limit(1)
)
SHOWN = sa.select(ITEMS.c.kind).where(
    ITEMS.c.seat == sa.bindparam("of_seat"), ITEMS.c.item == sa.bindparam("of_item")
)
ANSWER_TO = (  # the item's kind, and what was answered, if anything
    sa.select(ITEMS.c.kind, EVENTS.c.what)
    .outerjoin(ANSWERS, same(ITEMS, ANSWERS))
    .outerjoin(EVENTS, EVENTS.c.id == ANSWERS.c.event)
    .where(*at(ITEMS))
)
ADD_SEAT = SEATS.insert()
CHANGE_SEAT = SEATS.update().where(SEATS.c.id == sa.bindparam("of_seat"))
ADD_VISITOR = VISITORS.insert()
ADD_ITEM = ITEMS.insert()
ADD_EVENT = EVENTS.insert()
ADD_ANSWER = ANSWERS.insert()
ALL_FACTS = sa.select(FACTS.c.name, FACTS.c.value)
ID_OF_TOKEN = sa.select(SEATS.c.id).where(SEATS.c.token == sa.bindparam("hashed"))
CAME = (  # everybody of a round, in their order, and how far those are who came by the link for all
    sa.select(
        *(SEATS.c.name, SEATS.c.finished, SEATS.c.withdrawn, VISITORS.c.seen, VISITORS.c.outcome)
    )
    .outerjoin(VISITORS, VISITORS.c.seat == SEATS.c.id)
    .where(SEATS.c.round == sa.bindparam("of_round"))
    .order_by(SEATS.c.id)
)
