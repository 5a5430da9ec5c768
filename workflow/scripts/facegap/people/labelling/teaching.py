"""What a face that trains annotators is known as, shown once it is answered."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.people.labelling.show import Show
from facegap.people.lookups import answers_to
from facegap.people.site import holder_of


def add_taught(
    router: APIRouter,
    engine: Engine,
    face_of: Mapping[str, str],
    training: Mapping[str, str],
    show: Show,
) -> None:
    """The route of the feedback; `training` has the known side of each face that trains."""
    holder = holder_of(engine)

    @router.get("/s/{token}/taught/{code}")
    def taught(request: Request, token: str, code: str) -> Response:
        seat = holder(request, token)
        face = face_of.get(code, "")
        chosen = answers_to(engine, seat, [face]).get(face)
        if face not in training or chosen is None:
            raise HTTPException(404)
        values = {"face": face, "chosen": chosen, "known": training[face]}
        return show(request, "taught.html.j2", seat, token, **values)
