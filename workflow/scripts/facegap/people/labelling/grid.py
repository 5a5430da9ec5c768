"""Many faces of one pseudo-label at once, of which a person marks those that are wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.errors import DataError
from facegap.people.engine import Answer, ClosedError, ConflictError, Seat, record
from facegap.people.lookups import unanswered
from facegap.people.site import FORM, Form, Show, holder_of, onwards, seconds_of
from facegap.tables.base import SIDES

MOST = 100  # faces at once
WRONG = "wrong-"  # what the name of a mark begins with


def add_grid(
    router: APIRouter,
    engine: Engine,
    face_of: Mapping[str, str],
    pseudo_labels: Mapping[str, str],
    show: Show,
) -> None:
    """The routes of the grid, in the verification; `pseudo_labels` are sides by face id."""
    holder = holder_of(engine)

    def allowed(request: Request, token: str) -> Seat:
        seat = holder(request, token)
        if seat.round != "verification" or not pseudo_labels:
            raise HTTPException(404)
        return seat

    @router.get("/s/{token}/grid")
    def grid(request: Request, token: str) -> Response:
        seat = allowed(request, token)
        side, faces = of_one_side(unanswered(engine, seat), pseudo_labels)
        if seat.closed or not faces:
            return show(request, "done.html.j2", seat, token)
        return show(request, "grid.html.j2", seat, token, faces=faces, side=side)

    @router.post("/s/{token}/grid", openapi_extra=FORM)
    def marked(request: Request, token: str, fields: Form) -> Response:
        seat = allowed(request, token)
        try:
            record(engine, seat, *_answers(fields, face_of, pseudo_labels))
        except ClosedError:
            words = f"The {seat.round} is closed. These answers were not stored."
            return show(request, "refused.html.j2", seat, token, words=words, status=409)
        except ConflictError:
            words = "A face of these was answered in another window of your link: none was stored."
            return show(request, "refused.html.j2", seat, token, words=words, status=409)
        except DataError as error:
            raise HTTPException(422) from error
        return onwards(request, token, "grid")


def of_one_side(waiting: Sequence[str], pseudo_labels: Mapping[str, str]) -> tuple[str, list[str]]:
    """The first of those `waiting` with their pseudo-label, and all that have the same one."""
    known = [face for face in waiting if face in pseudo_labels]
    if not known:
        return "", []
    side = pseudo_labels[known[0]]
    return side, [face for face in known if pseudo_labels[face] == side][:MOST]


def _answers(
    fields: Mapping[str, str], face_of: Mapping[str, str], pseudo_labels: Mapping[str, str]
) -> list[Answer]:
    """What a form says of each face that it showed; HTTP 422 for a form that is none."""
    codes = fields.get("faces", "").split()
    marks = {name.removeprefix(WRONG) for name in fields if name.startswith(WRONG)}
    faces = [face_of.get(code) for code in codes]
    sides = {pseudo_labels.get(face or "") for face in faces}
    if not 0 < len(set(codes)) == len(codes) <= MOST or not marks <= set(codes):
        raise HTTPException(422)
    if sides != {fields.get("side")} or not sides <= set(SIDES):
        raise HTTPException(422)
    seconds, side = seconds_of(fields), fields["side"]
    (other,) = set(SIDES) - {side}
    each = None if seconds is None else round(seconds / len(codes), 3)
    details: dict[str, Any] = {"tentative": False, "at once": len(codes)}
    return [
        Answer(str(face), other if code in marks else side, 0, each, details)
        for code, face in zip(codes, faces, strict=True)
    ]
