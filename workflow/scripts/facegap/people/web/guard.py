"""What every request passes before a page sees it, and every answer before it leaves."""

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)
T = TypeVar("T")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self';"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # not no-referrer: forms would lose their Origin
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
}
SAFE = {"GET", "HEAD", "OPTIONS"}
REMEMBERED = 20_000  # holders of a link or addresses whose rate is known, in memory alone


@dataclass(frozen=True)
class Limits:
    """How much one may send: bytes of a body, and requests a second with a burst at first.

    `known` holds for who has a valid link, `strangers` for all requests of an address that has
    shown none. A participant's page asks for itself, four images and an answer.
    """

    body: int = 64 * 1024
    known: tuple[float, int] = (20.0, 100)
    strangers: tuple[float, int] = (100.0, 2000)


class Guard:
    """ASGI middleware: size and rate limits, no posts of other sites, security headers.

    Paths `/<kind>/<token>/...` belong to the holder of the token. Neither tokens nor addresses
    are logged.
    """

    def __init__(self, app: ASGIApp, limits: Limits, root_path: str = "") -> None:
        """Guard `app`, which is served below `root_path`."""
        self.app = app
        self.limits = limits
        self.root_path = root_path
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.known: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        inner = scope["path"]
        if inner.startswith(f"{self.root_path}/"):  # a proxy that does not strip its path
            inner = inner.removeprefix(self.root_path)
        scope.update(root_path=self.root_path, path=self.root_path + inner)
        parts = inner.split("/")
        holder = parts[2] if len(parts) > 3 and parts[1] != "static" else ""
        seen = {"status": 0}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in HEADERS.items()
                        if name.encode() not in given
                    ),
                ]
            await send(message)

        refusal = self._refusal(scope, holder)
        if refusal:
            log.warning("refused %d %s %s: %s", refusal[0], scope["method"], parts[1:2], refusal[1])
            await PlainTextResponse(f"{refusal[1]}\n", refusal[0])(scope, receive, guarded)
            return
        await self._pass(scope, receive, guarded)
        if holder and seen["status"] < 400:
            _remember(self.known, holder, None)
        elif seen["status"] >= 400:
            log.warning("answered %d %s %s", seen["status"], scope["method"], parts[1:2])

    def _refusal(self, scope: Scope, holder: str) -> tuple[int, str] | None:
        """Status and reason for which this request goes no further; None when it may."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > self.limits.body:
            return 413, "too large"
        if scope["method"] not in SAFE and _from_elsewhere(headers):
            return 403, "sent by another site"
        if holder in self.known:
            allowed = self._take(f"known {holder}", *self.limits.known)
        else:
            address = (scope.get("client") or ("",))[0]
            allowed = self._take(f"address {address}", *self.limits.strangers)
        return None if allowed else (429, "too many requests; wait a little")

    def _take(self, who: str, rate: float, burst: int) -> bool:
        """Whether `who` may ask once more: a token bucket of `burst`, filled at `rate` a second."""
        now = time.monotonic()
        left, since = self.buckets.get(who, (float(burst), now))
        left = min(burst, left + (now - since) * rate)
        _remember(self.buckets, who, (max(left - 1, 0.0) if left >= 1 else left, now))
        return left >= 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application on at most `limits.body` bytes, whatever the header promised."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limits.body:
                raise _TooLargeError
            return message

        try:
            await self.app(scope, limited, send)
        except _TooLargeError:
            log.warning("refused 413 %s: too large", scope["method"])
            await PlainTextResponse("too large\n", 413)(scope, receive, send)


class _TooLargeError(Exception):
    """More bytes came than the limits allow."""


def _from_elsewhere(headers: Mapping[bytes, str]) -> bool:
    """Whether a browser says that a page of another site sent this request."""
    if site := headers.get(b"sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get(b"origin")
    return origin is not None and urlsplit(origin).netloc != headers.get(b"host")


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
