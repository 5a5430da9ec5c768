"""Faces that some of the annotators answer: whoever comes gets the ones with the fewest answers."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from facegap.people.engine import Item, Seat
from facegap.people.labelling.rounds import FACE, KNOWN, TRAINING
from facegap.people.statements import same
from facegap.people.tables import ANSWERS, EVENTS, ITEMS, SEATS
from facegap.people.web.store import reading


def _next() -> sa.Select[Any]:
    """The item of a seat that the fewest of its round have answered, of those without enough.

    An item that is shown again comes once the seat has answered it, after all others of as few.
    Faces that train come before all, and those that check in their places; one whose answer was
    taken back is next, and one that was put off comes after all others.
    """
    answers = (
        sa.select(ANSWERS.c.item, sa.func.count().label("answers"))
        .join(SEATS, SEATS.c.id == ANSWERS.c.seat)
        .where(SEATS.c.round == sa.bindparam("of_round"), ANSWERS.c.showing == 0)
        .group_by(ANSWERS.c.item)
        .subquery()
    )
    own = ANSWERS.alias()
    first = sa.exists().where(
        own.c.seat == ITEMS.c.seat, own.c.item == ITEMS.c.item, own.c.showing == 0
    )
    given = sa.func.coalesce(answers.c.answers, 0)
    wanted = sa.or_(
        ITEMS.c.kind != FACE,
        sa.and_(ITEMS.c.showing == 0, given < sa.bindparam("each")),
        sa.and_(ITEMS.c.showing == 1, first),
    )
    due = ITEMS.c.position <= sa.bindparam("answered")
    put_off = sa.exists().where(same(ITEMS, EVENTS), EVENTS.c.what == "skip")
    rank = sa.case(
        (ITEMS.c.position < 0, -1),  # an answer was taken back
        (ITEMS.c.kind == TRAINING, 0),
        (put_off, 4),
        (sa.and_(ITEMS.c.kind == KNOWN, due), 1),
        (ITEMS.c.kind == FACE, 2),
        else_=3,
    )
    return (
        sa.select(ITEMS.c.item, ITEMS.c.showing, ITEMS.c.kind)
        .outerjoin(answers, answers.c.item == ITEMS.c.item)
        .where(
            ITEMS.c.seat == sa.bindparam("of_seat"),
            ~sa.exists().where(same(ITEMS, ANSWERS)),
            wanted,
        )
        .order_by(rank, given, ITEMS.c.position)
        .limit(1)
    )


NEXT = _next()


def next_shared(engine: Engine, seat: Seat, each: int) -> Item | None:
    """The next face of a seat, where `each` face is to have so many answers; None for none.

    Two who look at one face at once may both answer it, so a face may have one answer more.
    """
    with reading(engine) as connection:
        given = {"of_seat": seat.id, "of_round": seat.round, "each": each}
        given |= {"answered": seat.answered}
        row = connection.execute(NEXT, given).first()
    return Item(*row) if row else None
