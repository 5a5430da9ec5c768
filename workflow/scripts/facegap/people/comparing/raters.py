"""Participants' own side of the boundary: an optional question, stored apart from the answers."""

from collections.abc import Mapping

import sqlalchemy as sa
from fastapi import APIRouter, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.people.comparing.answers import ROUND
from facegap.people.engine import Seat, seats_in
from facegap.people.site import FORM, Form, holder_of, onwards
from facegap.people.tables import APART, RATERS
from facegap.people.web.store import reading, writing

SILENT = "I would rather not say"


def open_raters(engine: Engine) -> None:
    """Make the table, where there is none."""
    with writing(engine) as connection:
        APART.create_all(connection)


def was_asked(engine: Engine, seat: Seat) -> bool:
    """Whether a seat has answered, or would not say."""
    with reading(engine) as connection:
        wanted = sa.select(RATERS.c.seat).where(RATERS.c.seat == seat.id)
        return connection.execute(wanted).first() is not None


def add_question(router: APIRouter, engine: Engine, answers: Mapping[str, str | None]) -> None:
    """The route that stores an answer of who has finished; the first stands."""
    holder = holder_of(engine)

    @router.post("/s/{token}/own-side", openapi_extra=FORM)
    def own_side(request: Request, token: str, fields: Form) -> Response:
        seat, answer = holder(request, token), fields.get("answer", "")
        if answer not in (*answers, SILENT):
            raise HTTPException(422)
        with writing(engine) as connection:
            (now,) = (each for each in seats_in(connection, ROUND) if each.id == seat.id)
            if now.closed or now.withdrawn:
                raise HTTPException(409)
            if not now.finished:
                raise HTTPException(422)
            known = sa.select(RATERS.c.seat).where(RATERS.c.seat == seat.id)
            if not connection.execute(known).first():
                connection.execute(RATERS.insert().values(seat=seat.id, answer=answer))
        return onwards(request, token)
