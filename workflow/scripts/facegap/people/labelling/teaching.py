"""What a face that trains annotators is known as, shown once it is answered."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.people.engine import Seat
from facegap.people.labelling.rounds import TRAINING
from facegap.people.lookups import answers_to, kind_of
from facegap.people.site import Show, holder_of


def trains(engine: Engine, seat: Seat, face: str, known: Mapping[str, str]) -> bool:
    """Whether a face trains this seat, which was settled when it was invited."""
    return face in known and kind_of(engine, seat, face) == TRAINING


def add_taught(
    router: APIRouter,
    engine: Engine,
    face_of: Mapping[str, str],
    known: Mapping[str, str],
    show: Show,
) -> None:
    """The route of the feedback; `known` has the side of each face whose side is known."""
    holder = holder_of(engine)

    @router.get("/s/{token}/taught/{code}")
    def taught(request: Request, token: str, code: str) -> Response:
        seat = holder(request, token)
        face = face_of.get(code, "")
        chosen = answers_to(engine, seat, [face]).get(face)
        if chosen is None or not trains(engine, seat, face, known):
            raise HTTPException(404)
        values = {"face": face, "chosen": chosen, "known": known[face]}
        return show(request, "taught.html.j2", seat, token, **values)
