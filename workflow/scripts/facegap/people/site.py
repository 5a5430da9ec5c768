"""What the sites have in common: who holds a link, a form that was sent, and where to go on."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from facegap.people.engine import Seat, seat_of
from facegap.people.web.app import form, root_of
from facegap.people.web.guard import HOLDS

LONGEST = 24 * 3600.0  # seconds; what is slower is a clock that jumped, and no time
Show = Callable[..., Response]  # the page of a template, for a seat
Form = Annotated[dict[str, str], Depends(form)]
FORM: dict[str, Any] = {  # the description of a post, for tests that make up requests
    "requestBody": {
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}}
            }
        }
    }
}


def holder_of(engine: Engine) -> Callable[[Request, str], Seat]:
    """For routes below `/s/{token}/`: who holds the token; HTTP 404 for nobody.

    Pages call it by themselves: as a dependency it would wait for a thread of its own.
    """

    def holder(request: Request, token: str) -> Seat:
        seat = seat_of(engine, token)
        if seat is None:
            raise HTTPException(404)
        request.scope[HOLDS] = True
        return seat

    return holder


def onwards(request: Request, token: str, page: str = "") -> Response:
    """Send the holder of `token` on to one of their pages."""
    return RedirectResponse(f"{root_of(request)}/s/{quote(f'{token}/{page}')}", 303)


def seconds_of(fields: Mapping[str, str]) -> float | None:
    """How long the holder looked: by the browser, else since the page was made (`shown`).

    None where neither can be believed. The browser's own measure does not see a clock that is set;
    the difference of two times does, and one below zero or of more than a day is none.
    """
    try:
        measured = fields.get("seconds")
        seconds = float(measured) if measured else time.time() - float(fields.get("shown", ""))
    except ValueError:
        return None
    return round(seconds, 3) if math.isfinite(seconds) and 0 <= seconds <= LONGEST else None
