"""The researcher's page: how far the study is, and what may be done to it."""

import hmac
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from facegap.errors import DataError
from facegap.people.comparing.answers import exported
from facegap.people.comparing.sheet import Sheet
from facegap.people.comparing.standing import STATES, standing
from facegap.people.engine import invite
from facegap.people.site import FORM, Form
from facegap.people.visitors import has_visitors, pause
from facegap.people.web.app import Pages, application, root_of
from facegap.people.web.guard import HOLDS, Limits
from facegap.settings.recruitment import Recruitment
from facegap.tables.base import as_csv

HERE = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Managed:
    """The study that a researcher looks after."""

    engine: Engine
    sheet: Sheet
    recruitment: Recruitment
    url: str  # what participants' links begin with
    close: Callable[[], int]  # how many answers there are then

    @property
    def start(self) -> str:
        """The link for all, with the names of what the platform fills in."""
        asked = [name for name in (self.recruitment.person, self.recruitment.study) if name]
        return f"{self.url}/start?" + "&".join(f"{name}=..." for name in asked)


def site(study: Managed, token: str, *, limits: Limits | None = None) -> FastAPI:
    """The application; its one page is at `/r/<token>/`."""
    pages, router = Pages(HERE), APIRouter()

    def show(request: Request, given: str, **more: Any) -> Response:
        _require(request, given, token)
        now = standing(study.engine, study.sheet, study.recruitment.minutes)
        values = {"token": token, "study": now, "states": STATES, "managed": study, **more}
        values = {"link": None, "words": "", **values}
        return pages.show(
            request, "manage.html.j2", status=409 if values["words"] else 200, **values
        )

    def again(request: Request) -> Response:
        return RedirectResponse(f"{root_of(request)}/r/{token}/", 303)

    @router.get("/r/{given}/")
    def look(request: Request, given: str) -> Response:
        return show(request, given)

    @router.get("/r/{given}/answers.zip")
    def export(request: Request, given: str) -> Response:
        _require(request, given, token)
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, table in zip(
                ("responses", "familiarity"), exported(study.engine), strict=True
            ):
                archive.writestr(f"{name}.csv", as_csv(table))
        headers = {"content-disposition": 'attachment; filename="answers.zip"'}
        return Response(written.getvalue(), media_type="application/zip", headers=headers)

    @router.post("/r/{given}/{action}", openapi_extra=FORM)
    def act(request: Request, given: str, action: str, fields: Form) -> Response:
        _require(request, given, token)
        try:
            if action == "invite":
                return show(request, given, link=_invited(study, fields.get("name", "")))
            if action in ("pause", "resume"):
                pause(study.engine, paused=action == "pause")
            elif action == "close" and fields.get("sure") == "yes":
                study.close()
            else:
                raise HTTPException(422)
        except DataError as error:
            return show(request, given, words=str(error))
        return again(request)

    static = {"comparing": HERE / "static"}
    return application("facegap judge", router, pages, static=static, limits=limits)


def _require(request: Request, given: str, token: str) -> None:
    """HTTP 404 for who has another token, after the same time whatever it is."""
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode()):
        raise HTTPException(404)
    request.scope[HOLDS] = True


def _invited(study: Managed, name: str) -> tuple[str, str]:
    """A name, and its new link; a `DataError` where nobody has it, or all have one link."""
    if has_visitors(study.engine):
        raise DataError("this study has one link for all, by which everybody comes back")
    found = {seat.name: token for seat, token in invite(study.engine, [name], others=False)}
    return name, f"{study.url}/s/{found[name]}/"
