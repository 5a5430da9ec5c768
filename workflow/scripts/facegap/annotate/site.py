"""The labelling and adjudication pages: one face at a time, by keyboard, behind a secret link."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from fastapi import APIRouter, FastAPI, HTTPException, Request
from PIL import Image
from sqlalchemy import Engine
from starlette.responses import RedirectResponse, Response

from facegap.annotate import rounds
from facegap.answers import ANSWERS
from facegap.crops import Crops
from facegap.errors import DataError
from facegap.web.app import Pages, application, form

HERE = Path(__file__).parent
OTHERS = 8  # pictures of the same person shown beside
SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Album:
    """The pictures: `faces` has `face_id`, `subject_id` and the `row` of its crop."""

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
    root_path: str = "",
) -> FastAPI:
    """The application. `sides` are the groups' names by inside and outside."""
    pages, router = Pages(HERE / "pages"), APIRouter()
    names = {**sides, "unsure": "unsure"}
    common: dict[str, Any] = {"boundary": boundary, "names": names, "terms": terms}

    def holder(token: str) -> rounds.Seat:
        seat = rounds.seat_of(engine, token)
        if seat is None:
            raise HTTPException(404)
        return seat

    def refuse(request: Request, seat: rounds.Seat, error: DataError, token: str) -> Response:
        if isinstance(error, rounds.ClosedError):
            words = f"The {seat.round} is closed. This answer was not stored."
        elif isinstance(error, rounds.ConflictError):
            words = "This face was answered in another window of your link. Nothing was changed."
        else:
            raise HTTPException(422) from error
        values = {"seat": seat, "token": token, "words": words, **common}
        return pages.show(request, "refused.html.j2", 409, **values)

    def onwards(request: Request, token: str, page: str = "next") -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        return RedirectResponse(f"{root}/a/{token}/{page}", 303)

    @router.get("/a/{token}/")
    def instructions(request: Request, token: str) -> Response:
        seat = holder(token)
        done, total = rounds.progress(engine, seat)
        values = {"seat": seat, "token": token, "done": done, "total": total, **common}
        return pages.show(request, "instructions.html.j2", **values)

    @router.get("/a/{token}/next")
    def following(request: Request, token: str) -> Response:
        seat = holder(token)
        task = rounds.next_task(engine, seat)
        values = {"seat": seat, "token": token, **common}
        if rounds.is_closed(engine, seat.round) or task is None:
            closed = rounds.is_closed(engine, seat.round)
            done, total = rounds.progress(engine, seat)
            values |= {"closed": closed, "done": done, "total": total}
            return pages.show(request, "done.html.j2", **values)
        others = album.others(task.face_id)
        return pages.show(request, "face.html.j2", task=task, others=others, **values)

    @router.post("/a/{token}/answer")
    async def answer(request: Request, token: str) -> Response:
        seat, given = holder(token), await form(request)
        face, showing = given.get("face", ""), given.get("showing", "0")
        if showing not in ("0", "1") or given.get("side") not in (*ANSWERS, "skip"):
            raise HTTPException(422)
        try:
            if given["side"] == "skip":
                rounds.skip(engine, seat, face, int(showing))
                return onwards(request, token)
            said = rounds.Answer(
                face, int(showing), given["side"], given.get("tentative") == "1", _seconds(given)
            )
            rounds.record(engine, seat, said, change=seat.round == "adjudication")
        except DataError as error:
            return refuse(request, seat, error, token)
        revealed = seat.round == "adjudication" and given.get("keep") != "1"
        return onwards(request, token, f"revealed/{face}" if revealed else "next")

    @router.post("/a/{token}/undo")
    def undo(request: Request, token: str) -> Response:
        seat = holder(token)
        try:
            rounds.undo(engine, seat)
        except DataError as error:
            return refuse(request, seat, error, token)
        return onwards(request, token)

    @router.get("/a/{token}/revealed/{face_id:path}")
    def revealed(request: Request, token: str, face_id: str) -> Response:
        seat = holder(token)
        if face_id not in album.faces.index:
            raise HTTPException(404)
        chosen = rounds.last_answer(engine, seat, face_id)
        if seat.round != "adjudication" or chosen is None:
            raise HTTPException(404)
        said = rounds.answers_on(engine, "labelling", face_id)
        values: dict[str, Any] = {"seat": seat, "token": token, "chosen": chosen, "said": said}
        values |= {"face_id": face_id, "others": album.others(face_id)}
        return pages.show(request, "revealed.html.j2", **values, **common)

    @router.get("/a/{token}/face/{face_id:path}")
    def picture(token: str, face_id: str, of: str = "") -> Response:
        seat = holder(token)
        shown = of or face_id
        if any(face not in album.faces.index for face in (face_id, shown)):
            raise HTTPException(404)
        if not rounds.is_shown(engine, seat, shown):
            raise HTTPException(404)
        if of and face_id not in album.others(of):
            raise HTTPException(404)
        return Response(album.jpeg(face_id), media_type="image/jpeg")

    return application(
        "facegap annotate",
        router,
        pages,
        root_path=root_path,
        static={"annotate": HERE / "pages/static"},
    )


def _seconds(given: Mapping[str, str]) -> float | None:
    """How long the face was looked at, as the page says; None for nonsense."""
    try:
        seconds = float(given.get("seconds", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= SECONDS else None
