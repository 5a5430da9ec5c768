"""The pages of labelling, adjudication and verification: one face at a time, by keyboard."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from fastapi import APIRouter, FastAPI, Request
from PIL import Image
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.answers import CHOICES
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.people.engine import (
    Answer,
    ClosedError,
    ConflictError,
    Seat,
    answers_on,
    is_shown,
    next_item,
    record,
    skip,
    undo,
)
from facegap.people.facts import codes
from facegap.people.labelling.grid import add_grid
from facegap.people.labelling.sharing import next_shared
from facegap.people.labelling.teaching import add_taught, trains
from facegap.people.site import FORM, Form, Show, holder_of, onwards, seconds_of
from facegap.people.web.app import Pages, application
from facegap.people.web.guard import Limits
from facegap.people.web.store import settle

HERE = Path(__file__).parent / "pages"
OTHERS = 8  # pictures of the same person shown beside
LIMITS = Limits(known=(50.0, 400))  # a grid asks for a hundred pictures


@dataclass(frozen=True)
class Album:
    """The pictures: `faces` has by face id `subject_id` and the `row` of its crop."""

    faces: pd.DataFrame
    crops: Crops

    def jpeg(self, face_id: str) -> bytes:
        """The crop of a face as JPEG."""
        written = io.BytesIO()
        picture = self.crops.take(self.faces.loc[[face_id], "row"].to_numpy())[0]
        Image.fromarray(picture).save(written, "JPEG", quality=92)
        return written.getvalue()

    def others(self, face_id: str) -> list[str]:
        """Other pictures of the same person, if the person is known."""
        subjects = self.faces["subject_id"]
        same = subjects.index[subjects == subjects[face_id]]  # nobody known equals nobody
        return [other for other in same if other != face_id][:OTHERS]


def site(
    engine: Engine,
    album: Album,
    *,
    boundary: str,
    sides: Mapping[str, str],
    terms: str,
    each: int | None = None,
    pseudo_labels: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
    root_path: str = "",
    limits: Limits | None = None,
) -> FastAPI:
    """The application. `sides` are the groups' names by inside and outside.

    Where `each` face is to have so many answers, an annotator labels those that still want one.
    Faces with `pseudo_labels`, sides by face id, may be verified many at once. Of faces that train
    an annotator the side that is `known` is shown once they are answered.
    """
    pages, router = Pages(HERE), APIRouter()
    code_of = codes(engine, album.faces.index)
    common: dict[str, Any] = {
        "boundary": boundary,
        "names": {**sides, "unsure": "unsure"},
        "terms": terms,
        "code_of": code_of,
        "each": each,
        "has_grid": bool(pseudo_labels),
        "has_known": bool(known),
    }
    face_of = {code: face for face, code in code_of.items()}

    def show(request: Request, name: str, seat: Seat, token: str, **values: Any) -> Response:
        return pages.show(request, name, seat=seat, token=token, **common, **values)

    _add_pages(router, engine, album, face_of, show, each)
    _add_forms(router, engine, face_of, show, known or {})
    add_taught(router, engine, face_of, known or {}, show)
    add_grid(router, engine, face_of, pseudo_labels or {}, show)
    return application(
        "facegap annotate",
        router,
        pages,
        root_path=root_path,
        static={"labelling": HERE / "static"},
        limits=limits or LIMITS,
        ending=partial(settle, engine),  # what a reader kept in the log goes with the server
    )


def _add_pages(
    router: APIRouter,
    engine: Engine,
    album: Album,
    face_of: Mapping[str, str],
    show: Show,
    each: int | None,
) -> None:
    """The routes that only look; `face_of` has the face of each code."""
    holder = holder_of(engine)

    @router.get("/s/{token}/")
    def instructions(request: Request, token: str) -> Response:
        seat = holder(request, token)
        return show(request, "instructions.html.j2", seat, token)

    @router.get("/s/{token}/next")
    def following(request: Request, token: str) -> Response:
        seat = holder(request, token)
        if each is not None and seat.round == "labelling":
            face = next_shared(engine, seat, each)
        else:
            face = next_item(engine, seat)
        if seat.closed or face is None:
            return show(request, "done.html.j2", seat, token)
        others = album.others(face.item)
        return show(request, "face.html.j2", seat, token, face=face, others=others)

    @router.get("/s/{token}/revealed/{code}")
    def revealed(request: Request, token: str, code: str) -> Response:
        seat = holder(request, token)
        if seat.round != "adjudication" or code not in face_of:
            raise HTTPException(404)
        face_id = face_of[code]
        chosen = answers_on(engine, seat.round, face_id).get(seat.name)
        if chosen is None:
            raise HTTPException(404)
        values = {"chosen": chosen, "answers": answers_on(engine, "labelling", face_id)}
        values |= {"face_id": face_id, "others": album.others(face_id)}
        return show(request, "revealed.html.j2", seat, token, **values)

    @router.get("/s/{token}/face/{code}")
    def picture(request: Request, token: str, code: str, of: str = "") -> Response:
        seat = holder(request, token)
        face_id, shown = face_of.get(code), face_of.get(of or code)
        if face_id is None or shown is None or not is_shown(engine, seat, shown):
            raise HTTPException(404)
        if of and face_id not in album.others(shown):
            raise HTTPException(404)
        return Response(album.jpeg(face_id), media_type="image/jpeg")


def _add_forms(
    router: APIRouter,
    engine: Engine,
    face_of: Mapping[str, str],
    show: Show,
    known: Mapping[str, str],
) -> None:
    """The routes that store."""
    holder = holder_of(engine)

    @router.post("/s/{token}/answer", openapi_extra=FORM)
    def answer(request: Request, token: str, fields: Form) -> Response:
        seat = holder(request, token)
        try:
            page = _answer(engine, seat, face_of, fields, known)
        except DataError as error:
            return refuse(request, seat, error, token)
        return onwards(request, token, page)

    @router.post("/s/{token}/undo", openapi_extra=FORM)
    def take_back(request: Request, token: str, fields: Form) -> Response:
        seat = holder(request, token)
        last = fields.get("last", "")
        if not (last.isdecimal() and len(last) < 19):
            raise HTTPException(422)
        try:
            undo(engine, seat, int(last))
        except DataError as error:
            return refuse(request, seat, error, token)
        return onwards(request, token, "next")

    def refuse(request: Request, seat: Seat, error: DataError, token: str) -> Response:
        if isinstance(error, ClosedError):
            words = f"The {seat.round} is closed. This answer was not stored."
        elif isinstance(error, ConflictError):
            words = "This face was answered in another window of your link. Nothing was changed."
        else:
            raise HTTPException(422) from error
        return show(request, "refused.html.j2", seat, token, words=words, status=409)


def _answer(
    engine: Engine,
    seat: Seat,
    face_of: Mapping[str, str],
    fields: Mapping[str, str],
    known: Mapping[str, str],
) -> str:
    """Store a form's answer; the page to go on to. HTTP 422 for a form that is none."""
    code, showing, side = (fields.get(name, "") for name in ("face", "showing", "side"))
    if code not in face_of or showing not in ("0", "1") or side not in (*CHOICES, "skip"):
        raise HTTPException(422)
    face = face_of[code]
    training = trains(engine, seat, face, known)
    if side == "skip":
        if not training:  # feedback comes before all faces that count
            skip(engine, seat, face, int(showing))
        return "next"
    tentative = {"tentative": fields.get("tentative") == "1"}
    decides = seat.round == "adjudication"
    answer = Answer(face, side, int(showing), seconds_of(fields), tentative)
    record(engine, seat, answer, change=decides)
    if training:
        return f"taught/{code}"
    return f"revealed/{code}" if decides and fields.get("keep") != "1" else "next"
