"""The pages of the human study: consent, instructions, pairs, persons, thanks."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.attributes import change_in_words
from facegap.errors import DataError
from facegap.people.comparing.raters import (
    SILENT,
    add_question,
    open_raters,
    was_asked,
)
from facegap.people.comparing.recruiting import OneLink, add_ways_in, paragraphs_of
from facegap.people.comparing.sheet import Plan, Sheet
from facegap.people.engine import (
    Answer,
    ClosedError,
    ConflictError,
    Seat,
    agree,
    begin,
    record,
    seat_of,
    withdraw,
)
from facegap.people.site import FORM, Form, holder_of, onwards, seconds_of
from facegap.people.visitors import FINISHED, SCREENED
from facegap.people.web.app import Pages, application
from facegap.people.web.guard import HOLDS, Limits
from facegap.people.web.store import settle
from facegap.settings.judge import OwnSide
from facegap.tables.judge import CRITERIA

HERE = Path(__file__).parent / "pages"
CHOICES = ("left", "right")
SIZE = re.compile(r"[1-9][0-9]{0,4}")  # pixels
HELD = 2**28  # bytes of all images that are kept in memory; more are read one by one
REMEMBERED = 60.0  # seconds that the holder of a link is known without asking the database


def site(
    engine: Engine,
    sheet: Sheet,
    *,
    consent: str,
    one_link: OneLink | None = None,
    own_side: OwnSide | None = None,
    root_path: str = "",
    limits: Limits | None = None,
) -> FastAPI:
    """The application; `consent` is the text of the first page, paragraphs apart by empty lines.

    Where a participant is in the study decides which of their pages is shown, so that the same
    link goes on where they were. With `one_link` people come by the link for all, too. With a
    question in `own_side` they are asked it at the end.
    """
    pages, router = Pages(HERE), APIRouter()
    if one_link:
        add_ways_in(router, engine, sheet, pages, consent, one_link)
    asked = own_side if own_side and own_side.question else None
    if asked:
        open_raters(engine)
        add_question(router, engine, asked.answers)
    _add_pages(router, engine, sheet, pages, consent, one_link, asked)
    _add_images(router, engine, sheet)
    _add_beginning(router, engine)
    _add_forms(router, engine, sheet, one_link)
    return application(
        "facegap judge",
        router,
        pages,
        root_path=root_path,
        static={"comparing": HERE / "static"},
        limits=limits,
        ending=partial(settle, engine),  # what a reader kept in the log goes with the server
    )


def _active_of(engine: Engine) -> Callable[[Request, str], Seat]:
    """As `holder_of`, of those who may still answer; HTTP 409 for others."""
    holder = holder_of(engine)

    def active(request: Request, token: str) -> Seat:
        seat = holder(request, token)
        if seat.closed or seat.withdrawn:
            raise HTTPException(409)
        return seat

    return active


def _add_pages(
    router: APIRouter,
    engine: Engine,
    sheet: Sheet,
    pages: Pages,
    consent: str,
    one_link: OneLink | None,
    asked: OwnSide | None,
) -> None:
    """The routes that only look."""
    holder, active = holder_of(engine), _active_of(engine)

    @router.get("/s/{token}/")
    def here(request: Request, token: str, on: str = "") -> Response:
        seat = holder(request, token)
        outcome = one_link.outcome(seat) if one_link else None
        name, values = _page(seat, sheet, consent, on=bool(on), screened=outcome == SCREENED)
        back = one_link.back(request, outcome) if one_link else None
        if name == "thanks.html.j2":
            open_question = asked and not seat.closed and not was_asked(engine, seat)
            values = {"asked": asked if open_question else None, "silent": SILENT}
        return pages.show(request, name, token=token, back=back, **values)

    @router.get("/s/{token}/withdraw")
    def leaving(request: Request, token: str) -> Response:
        active(request, token)
        return pages.show(request, "withdraw.html.j2", token=token)


def _add_images(router: APIRouter, engine: Engine, sheet: Sheet) -> None:
    """The route of images, of which a page has four: neither database nor disk is asked for each.

    It needs no thread then: hundreds of them at once would keep those waiting who store answers.
    """
    owners: dict[str, tuple[str, float]] = {}  # whose a token is, and until when that is believed
    files = sheet.archive.infolist()
    small = sum(file.file_size for file in files) <= HELD
    held = {file.filename: sheet.archive.read(file) for file in files} if small else {}

    @router.get("/s/{token}/image/{image}.png")
    async def picture(request: Request, token: str, image: str) -> Response:
        name, until = owners.get(token, ("", 0.0))
        if time.monotonic() > until:
            seat = await run_in_threadpool(seat_of, engine, token)
            name = seat.name if seat else ""
            if seat:
                owners[token] = (name, time.monotonic() + REMEMBERED)
            else:
                owners.pop(token, None)
        request.scope[HOLDS] = name != ""
        if not name or image not in sheet.plan(name).images:
            raise HTTPException(404)
        cached = {"cache-control": "private, max-age=3600"}
        png = held.get(f"{image}.png") or await run_in_threadpool(sheet.png, image)
        return Response(png, media_type="image/png", headers=cached)


def _add_beginning(router: APIRouter, engine: Engine) -> None:
    """The routes that store consent, and that somebody has begun."""
    active = _active_of(engine)

    @router.post("/s/{token}/consent", openapi_extra=FORM)
    def consented(request: Request, token: str, fields: Form) -> Response:
        seat = active(request, token)
        if fields.get("agree") != "yes":
            raise HTTPException(422)
        with _refusals():
            agree(engine, seat)
        return onwards(request, token)

    @router.post("/s/{token}/start", openapi_extra=FORM)
    def start(request: Request, token: str, fields: Form) -> Response:
        seat = active(request, token)
        with _refusals():
            begin(engine, seat)
        return onwards(request, token)


def _add_forms(router: APIRouter, engine: Engine, sheet: Sheet, one_link: OneLink | None) -> None:
    """The routes that store answers, and a withdrawal."""
    holder, active = holder_of(engine), _active_of(engine)

    @router.post("/s/{token}/answer/{pair_id}", openapi_extra=FORM)
    def answer(request: Request, token: str, pair_id: str, fields: Form) -> Response:
        seat = active(request, token)
        plan = sheet.plan(seat.name)
        pairs = {pair.pair_id: pair for pair in plan.pairs}
        if not seat.started or pair_id not in pairs:
            raise HTTPException(422)
        if one_link and one_link.outcome(seat) == SCREENED:
            raise HTTPException(409)
        criteria = sheet.criteria and pairs[pair_id].attribute is not None
        _store(engine, seat, _answer(pair_id, fields, criteria=criteria, sized=sheet.sized))
        if one_link:
            one_link.visitors.come_on(seat)
            one_link.judge_attention(engine, seat, plan, pair_id)
        return onwards(request, token)

    @router.post("/s/{token}/persons", openapi_extra=FORM)
    def persons(request: Request, token: str, fields: Form) -> Response:
        seat = active(request, token)
        known = {one: fields.get(one, "") for one, _ in sheet.plan(seat.name).persons}
        if not set(known.values()) <= {"yes", "no"}:
            raise HTTPException(422)
        given = [Answer(person, word) for person, word in known.items()]
        _store(engine, seat, *given, finish=True)
        if one_link:
            one_link.visitors.come_on(seat)
        return onwards(request, token)

    @router.post("/s/{token}/withdraw", openapi_extra=FORM)
    def leave(request: Request, token: str, fields: Form) -> Response:
        seat = holder(request, token)
        if fields.get("sure") != "yes":
            raise HTTPException(422)
        if not seat.withdrawn:  # as by a button pressed twice
            if one_link and seat.finished:  # what they are owed stays
                one_link.visitors.end(seat, FINISHED)
            with _refusals():
                withdraw(engine, seat)
        return onwards(request, token)


def _store(engine: Engine, seat: Seat, *answers: Answer, finish: bool = False) -> None:
    """Store answers in the order of the items; of two to the same item the first stands."""
    with suppress(ConflictError), _refusals():
        record(engine, seat, *answers, in_order=True, finish=finish)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the engine refuses, as HTTP 409 where it takes nothing more, and else 422."""
    try:
        yield
    except ConflictError:
        raise
    except ClosedError as error:
        raise HTTPException(409) from error
    except DataError as error:
        raise HTTPException(422) from error


def _page(
    seat: Seat, sheet: Sheet, consent: str, *, on: bool, screened: bool
) -> tuple[str, dict[str, Any]]:
    """Which template a participant sees now, and its values."""
    plan = sheet.plan(seat.name)
    trained = sum(pair.training for pair in plan.pairs)
    if seat.withdrawn:
        return "withdrawn.html.j2", {}
    if screened:
        return "screened.html.j2", {}
    if seat.finished:
        return "thanks.html.j2", {}
    if seat.closed:
        return "closed.html.j2", {}
    if not seat.consented:
        return "consent.html.j2", {"paragraphs": paragraphs_of(consent), "fields": {}, "to": ""}
    asked = len(plan.pairs) - trained
    if not seat.started:
        untouched = any(pair.attribute is None for pair in plan.pairs)
        counts = {"asked": asked, "trained": trained}
        return "instructions.html.j2", {**counts, "untouched": untouched}
    if seat.answered >= len(plan.pairs):
        return "persons.html.j2", {"persons": plan.persons}
    done = seat.answered - trained
    if not on and done % sheet.break_every == 0 and (done > 0 or (done == 0 and trained)):
        return "break.html.j2", {"done": done, "asked": asked}
    counts = {"asked": asked, "trained": trained, "done": max(done, 0)}
    return "pair.html.j2", {**counts, **_pair(plan, seat.answered, sheet)}


def _pair(plan: Plan, number: int, sheet: Sheet) -> dict[str, Any]:
    """What the page of pair `number` shows, and the images of the next one."""
    pair = plan.pairs[number]
    coming = plan.pairs[number + 1 : number + 2]
    return {
        "pair": pair,
        "change": change_in_words(pair.attribute, bool(pair.value)) if pair.attribute else "",
        "criteria": sheet.criteria and pair.attribute is not None,
        "number": number + 1,
        "coming": [image for one in coming for image in (*one.images, *one.originals)],
        "shown": f"{time.time():.3f}",
        "sized": sheet.sized,
    }


def _answer(pair_id: str, fields: Mapping[str, str], *, criteria: bool, sized: bool) -> Answer:
    """The answer in a form; HTTP 422 where a choice is missing or none."""
    names = ("choice", *CRITERIA) if criteria else ("choice",)
    choices = {name: fields.get(name, "") for name in names}
    if not set(choices.values()) <= set(CHOICES):
        raise HTTPException(422)
    choice, details = choices.pop("choice"), dict[str, Any](choices)
    if sized and SIZE.fullmatch(size := fields.get("pixels", "")):
        details["pixels"] = int(size)
    return Answer(pair_id, choice, seconds=seconds_of(fields), details=details)
