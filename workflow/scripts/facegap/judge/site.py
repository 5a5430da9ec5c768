"""The pages of the human study: consent, instructions, pairs, persons, thanks."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from facegap.judge.study import CHOICES, CRITERIA, LONGEST, Pair, State, Study
from facegap.web.app import Pages, application, form
from facegap.web.guard import Limits

HERE = Path(__file__).parent / "pages"
Form = Annotated[dict[str, str], Depends(form)]
REFUSED = {"refused": 422, "closed": 409, "unknown": 404}  # why an answer is not kept
OPPOSITES = {"young": ("made younger", "made older"), "bald": ("made bald", "given hair")}
FORM: dict[str, Any] = {  # the description of a post, for tests that make up requests
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}}
            }
        }
    }
}


def site(
    study: Study,
    consent: str,
    *,
    root_path: str = "",
    limits: Limits | None = None,
) -> FastAPI:
    """The application; `consent` is the text of the first page, paragraphs apart by empty lines.

    A participant's pages are below `/s/<token>/`, and where they are in the study decides which
    one is shown, so that the same link goes on where they were.
    """
    pages = Pages(HERE)
    router = APIRouter()

    def holder(token: str) -> State:
        state = study.who(token)
        if state is None:
            raise HTTPException(404)
        return state

    def active(state: Annotated[State, Depends(holder)]) -> State:
        if state.closed or state.withdrawn:
            raise HTTPException(409)
        return state

    def back(request: Request, token: str) -> Response:
        return RedirectResponse(f"{request.scope.get('root_path', '')}/s/{token}/", 303)

    @router.get("/s/{token}/")
    def here(
        request: Request, token: str, state: Annotated[State, Depends(holder)], on: str = ""
    ) -> Response:
        name, values = _page(study, state, consent, on=bool(on))
        return pages.show(request, name, token=token, **values)

    @router.get("/s/{token}/withdraw")
    def leaving(request: Request, token: str, _: Annotated[State, Depends(active)]) -> Response:
        return pages.show(request, "withdraw.html.j2", token=token)

    @router.get("/s/{token}/image/{image}.png")
    async def image(token: str, image: str) -> Response:
        name = study.remembered(token) or await run_in_threadpool(study.owner, token)
        if name is None or image not in study.plans[name].images:
            raise HTTPException(404)
        kept = {"cache-control": "private, max-age=3600"}
        return Response(study.image(image), media_type="image/png", headers=kept)

    @router.post("/s/{token}/consent", openapi_extra=FORM)
    def consented(
        request: Request, token: str, state: Annotated[State, Depends(active)], fields: Form
    ) -> Response:
        if fields.get("agree") != "yes":
            raise HTTPException(422)
        study.mark(state, consented=True)
        return back(request, token)

    @router.post("/s/{token}/start", openapi_extra=FORM)
    def start(
        request: Request, token: str, state: Annotated[State, Depends(active)], fields: Form
    ) -> Response:
        if not state.consented:
            raise HTTPException(422)
        study.mark(state, started=True)
        return back(request, token)

    @router.post("/s/{token}/answer/{pair_id}", openapi_extra=FORM)
    def answer(request: Request, token: str, pair_id: str, fields: Form) -> Response:
        values = _answer(fields, criteria=study.sheet["criteria"])
        kept = study.answer(token, pair_id, values)
        if kept != "kept":
            raise HTTPException(REFUSED[kept])
        return back(request, token)

    @router.post("/s/{token}/persons", openapi_extra=FORM)
    def persons(
        request: Request, token: str, state: Annotated[State, Depends(active)], fields: Form
    ) -> Response:
        asked = [one for one, _ in study.plans[state.name].persons]
        if any(fields.get(one) not in ("yes", "no") for one in asked) or not study.recognise(
            token, {one: fields[one] == "yes" for one in asked}
        ):
            raise HTTPException(422)
        return back(request, token)

    @router.post("/s/{token}/withdraw", openapi_extra=FORM)
    def withdraw(
        request: Request, token: str, state: Annotated[State, Depends(active)], fields: Form
    ) -> Response:
        if fields.get("sure") != "yes":
            raise HTTPException(422)
        study.withdraw(state)
        return back(request, token)

    return application(
        "facegap: human study",
        router,
        pages,
        root_path=root_path,
        static={"judge": HERE / "static"},
        limits=limits,
    )


def _page(study: Study, state: State, consent: str, *, on: bool) -> tuple[str, dict[str, Any]]:
    """Which template a participant sees now, and its values."""
    plan = study.plans[state.name]
    trained = sum(pair.training for pair in plan.pairs)
    if state.withdrawn:
        return "withdrawn.html.j2", {}
    if state.finished:
        return "thanks.html.j2", {}
    if state.closed:
        return "closed.html.j2", {}
    if not state.consented:
        return "consent.html.j2", {"paragraphs": [p for p in consent.split("\n\n") if p.strip()]}
    asked = len(plan.pairs) - trained
    if not state.started:
        return "instructions.html.j2", {"asked": asked, "trained": trained}
    if state.answered == len(plan.pairs):
        return "persons.html.j2", {"persons": plan.persons}
    done = state.answered - trained
    every = study.sheet["break_every"]
    if not on and done % every == 0 and (done > 0 or (done == 0 and trained)):
        return "break.html.j2", {"done": done, "asked": asked}
    pair = plan.pairs[state.answered]
    coming = plan.pairs[state.answered + 1 : state.answered + 2]
    return "pair.html.j2", {
        "pair": pair,
        "change": _change(pair),
        "done": max(done, 0),
        "asked": asked,
        "trained": trained,
        "number": state.answered + 1,
        "criteria": study.sheet["criteria"],
        "coming": [image for one in coming for image in (*one.images, *one.originals)],
        "shown": f"{time.time():.3f}",
    }


def _change(pair: Pair) -> str:
    """What was asked of both images, in words: CelebA's names read as they are written."""
    name = pair.attribute.replace("_", " ").lower()
    if name in OPPOSITES:
        return OPPOSITES[name][0 if pair.value else 1]
    if name.startswith("no "):
        return name[3:] + (" taken away" if pair.value else " added")
    return name + (" added" if pair.value else " taken away")


def _answer(fields: Mapping[str, str], *, criteria: bool) -> dict[str, Any]:
    """The values of an answer; HTTP 422 where a choice is missing or none."""
    names = ("choice", *CRITERIA) if criteria else ("choice",)
    values: dict[str, Any] = {name: fields.get(name) for name in names}
    if any(value not in CHOICES for value in values.values()):
        raise HTTPException(422)
    return {**values, "seconds": _seconds(fields)}


def _seconds(fields: Mapping[str, str]) -> float | None:
    """The browser's own measure; without a script, since the page was made; None if unbelievable.

    A browser's measure does not see a clock that is set; the difference of two times does, and
    one below zero or of more than a day is none.
    """
    try:
        taken = fields.get("seconds")
        seconds = float(taken) if taken else time.time() - float(fields.get("shown", ""))
    except ValueError:
        return None
    return round(seconds, 3) if math.isfinite(seconds) and 0 <= seconds <= LONGEST else None
