"""A guarded application of server-rendered pages."""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import jinja2
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from facegap.errors import StoreError
from facegap.people.web.guard import Guard, Limits

log = logging.getLogger(__name__)
HERE = Path(__file__).parent
FIELDS = 200  # of a form

WORDS = {
    403: "This is not allowed.",
    404: "There is no such page. Check that you opened the whole link that you were given.",
    405: "This is not allowed.",
    409: "This is closed: no more answers are taken.",
    422: "This form was not understood. Nothing was stored; go back and try again.",
    503: "Your answer could not be stored just now. Nothing is lost that was stored before; wait a"
    " minute and try again.",
}


class Pages:
    """Templates of a site beside the shared ones (`base.html.j2`, `message.html.j2`)."""

    def __init__(self, folder: str | Path | None = None) -> None:
        """Templates of `folder` come before the shared ones of the same name."""
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([str(place) for place in (folder, HERE) if place]),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    def show(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page of template `name`; `root` in it is the path that links begin with."""
        template = self.environment.get_template(name)
        return HTMLResponse(template.render(root=root_of(request), **values), status)


def application(
    title: str,
    router: APIRouter,
    pages: Pages,
    *,
    root_path: str = "",
    static: Mapping[str, Path] | None = None,
    limits: Limits | None = None,
    ending: Callable[[], object] | None = None,
) -> FastAPI:
    """The routes of `router` behind a `Guard`, with pages for errors and no public description.

    `root_path` is the path that a proxy serves it below; it may strip it or not. `static` are
    folders of a site's scripts by name, served as `/static/<name>/`; `/static/web/` is ours.
    `ending` is called when the server ends.
    """
    root_path = below(root_path)
    app = FastAPI(
        title=title, openapi_url=None, docs_url=None, redoc_url=None, lifespan=_until(ending)
    )
    app.state.root_path = root_path
    app.include_router(router)
    for name, folder in {"web": HERE / "static", **(static or {})}.items():
        app.mount(f"/static/{name}", _Static(directory=folder))
    app.add_middleware(Guard, limits=limits or Limits(), root_path=root_path)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        words = WORDS.get(error.status_code, HTTPStatus(error.status_code).phrase)
        return pages.show(request, "message.html.j2", error.status_code, words=words)

    @app.exception_handler(RequestValidationError)
    async def misunderstood(request: Request, error: RequestValidationError) -> Response:
        return pages.show(request, "message.html.j2", 422, words=WORDS[422])

    @app.exception_handler(StoreError)
    async def unstored(request: Request, error: StoreError) -> Response:
        log.error("not stored: %s", error)
        return pages.show(request, "message.html.j2", 503, words=WORDS[503])

    return app


def _until(ending: Callable[[], object] | None) -> Callable[[FastAPI], Any]:
    """What FastAPI is to do around serving: nothing before, and `ending` after."""

    @asynccontextmanager
    async def served(_: FastAPI) -> AsyncIterator[None]:
        yield
        try:
            if ending:
                ending()
        except StoreError as error:
            log.error("as the server ended: %s", error)

    return served


def root_of(request: Request) -> str:
    """What addresses of this site begin with, quoted: "/study", or "" at the top."""
    return quote(request.scope.get("root_path", "").rstrip("/"))


def below(root_path: str) -> str:
    """A path that a proxy serves below, as "/study", or "" for none."""
    path = root_path.strip("/")
    return f"/{path}" if path else ""


class _Static(StaticFiles):
    """Files that a browser may keep for an hour; no listing."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["cache-control"] = "public, max-age=3600"
        return response


async def form(request: Request) -> dict[str, str]:
    """The fields of a posted form; HTTP 422 for anything else, or a field given twice."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(422)
    try:
        text = (await request.body()).decode("ascii")
        fields: Sequence[tuple[str, str]] = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS
        )
    except ValueError as error:  # UnicodeDecodeError is one
        raise HTTPException(422) from error
    values = dict(fields)
    if len(values) != len(fields) or any("\0" in value for value in values.values()):
        raise HTTPException(422)
    return values
