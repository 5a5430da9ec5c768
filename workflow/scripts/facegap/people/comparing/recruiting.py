"""One link for all participants, as platforms send them: the way in, and the way back."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from sqlalchemy import Engine
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response

from facegap.people.comparing.sheet import Plan, Sheet
from facegap.people.engine import Seat, seat_of
from facegap.people.lookups import answers_to
from facegap.people.site import FORM, Form, onwards
from facegap.people.visitors import FINISHED, PERSON, SCREENED, Visitors
from facegap.people.web.app import Pages, root_of
from facegap.settings.recruitment import PERSON as GAP
from facegap.settings.recruitment import Ending, Recruitment

WEEK = 7 * 24 * 3600
COOKIE = "person"  # of who is to be sent back with their id: their browser's alone, never stored
NO_ID = (
    "This link does not say who you are. Open the study from the page of the platform that sent"
    " you."
)
OTHER_STUDY = "This link is of another study. Open the study from the page of the platform."


class Back(NamedTuple):
    """How a participant gets back to the platform; `address` is None where it needs their id."""

    code: str | None
    address: str | None
    host: str | None


@dataclass(frozen=True)
class OneLink:
    """The link for all: who came by it, and what the platform expects."""

    visitors: Visitors
    settings: Recruitment
    attention_threshold: float

    def outcome(self, seat: Seat) -> str | None:
        """How a participant's part ended; None while it is under way.

        The database is asked only where it can have ended: this is looked up for every page.
        """
        may_be = self.settings.screening or seat.finished or seat.withdrawn
        return self.visitors.outcome(seat) if may_be else None

    def back(self, request: Request, outcome: str | None, person: str = "") -> Back:
        """The way back for who has finished, was screened out, or neither.

        `person` is the platform's id where the request brings it, else their browser's.
        """
        settings = self.settings
        ending: Ending = {FINISHED: settings.finished, SCREENED: settings.screened_out}.get(
            outcome or "", settings.returned
        )
        address, person = ending.redirect, person or request.cookies.get(COOKIE, "")
        host = urlsplit(address).hostname if address else None
        if address and GAP in address:
            known = PERSON.fullmatch(person)
            address = address.replace(GAP, quote(person, safe="")) if known else None
        return Back(ending.code, address, host)

    def judge_attention(self, engine: Engine, seat: Seat, plan: Plan, item: str) -> None:
        """End the part of who can no longer pass as many attention pairs as they must."""
        expected = plan.attention
        if not self.settings.screening or item not in expected:
            return
        given = answers_to(engine, seat, expected)
        missed = sum(expected[pair] != choice for pair, choice in given.items())
        if missed > allowed(len(expected), self.attention_threshold):
            self.visitors.end(seat, SCREENED)

    def remember(self, response: Response, request: Request, token: str, person: str) -> Response:
        """Let the browser keep the platform's id, where an ending gives it back."""
        endings = (self.settings.finished, self.settings.screened_out, self.settings.returned)
        if any(GAP in (ending.redirect or "") for ending in endings):
            path = f"{root_of(request)}/s/{token}/"
            secure = request.url.scheme == "https"
            about: dict[str, Any] = {"httponly": True, "samesite": "lax", "secure": secure}
            response.set_cookie(COOKIE, person, max_age=WEEK, path=path, **about)
        return response


def allowed(pairs: int, threshold: float) -> int:
    """How many of so many attention pairs may be missed by who passes a share `threshold`."""
    return math.floor(pairs * (1 - threshold) + 1e-9)


def add_ways_in(
    router: APIRouter, engine: Engine, sheet: Sheet, pages: Pages, consent: str, link: OneLink
) -> None:
    """The routes of the link for all; looking at it changes nothing, only consent does."""
    names = [name for name in (link.settings.person, link.settings.study) if name]
    lists = {name: plan.items for name, plan in sheet.plans.items()}

    def full(request: Request, person: str) -> Response:
        return pages.show(request, "full.html.j2", back=link.back(request, None, person))

    def refused(request: Request, words: str) -> Response:
        return pages.show(request, "message.html.j2", 422, words=words)

    @router.get("/start")
    def arrive(request: Request) -> Response:
        given = _given(request.query_params)
        if words := _wrong(given, link.settings):
            return refused(request, words)
        person = given[link.settings.person]
        token = link.visitors.token(person)
        if seat_of(engine, token):
            return link.remember(onwards(request, token), request, token, person)
        if not link.visitors.has_place(sheet.plans):
            return full(request, person)
        fields = {name: given[name] for name in names if name in given}
        back, paragraphs = link.back(request, None, person), paragraphs_of(consent)
        return pages.show(
            request, "consent.html.j2", paragraphs=paragraphs, to="/start", fields=fields, back=back
        )

    @router.post("/start", openapi_extra=FORM)
    def enter(request: Request, fields: Form) -> Response:
        if words := _wrong(fields, link.settings):
            return refused(request, words)
        if fields.get("agree") != "yes":
            raise HTTPException(422)
        person = fields[link.settings.person]
        token = link.visitors.admit(person, lists)
        if token is None:
            return full(request, person)
        return link.remember(onwards(request, token), request, token, person)


def paragraphs_of(text: str) -> list[str]:
    """The paragraphs of a text, which are apart by empty lines."""
    return re.split(r"\n\s*\n", text.strip())


def _given(query: QueryParams) -> dict[str, str]:
    """The parameters of a link, without those that it gives twice, and with different values."""
    return {name: query[name] for name in query if len(set(query.getlist(name))) == 1}


def _wrong(given: Mapping[str, str], settings: Recruitment) -> str:
    """What is wrong with the ids of a link, for who came by it; empty where nothing is."""
    if not PERSON.fullmatch(given.get(settings.person, "")):
        return NO_ID
    if settings.study_id and given.get(settings.study or "") != settings.study_id:
        return OTHER_STUDY
    return ""
