"""What every request passes before a page sees it, and every answer before it leaves."""

import asyncio
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
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
PORTS = {"http": 80, "https": 443}
REMEMBERED = 20_000  # holders of a link or addresses whose rate is known, in memory alone
HOLDS = "facegap.holds"  # of a request's scope: whether it came with somebody's link
WHY = "facegap.why"  # the guard refuses it
STORING = 4  # answers stored at once, one of which holds the database; the other threads read
PATIENCE = 5.0  # seconds that an answer waits to be among these


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
    """ASGI middleware: limits of rate and size, no posts from other sites, headers.

    Whether a link is anybody's, the page says (`HOLDS`); what nobody holds is remembered nowhere.
    """

    def __init__(self, app: ASGIApp, limits: Limits, root_path: str) -> None:
        """Guard `app`, which is served below `root_path`."""
        self.app = app
        self.limits = limits
        self.root_path = root_path
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.known: OrderedDict[str, None] = OrderedDict()
        self.storing = asyncio.Semaphore(STORING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an HTTP request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        inner = scope["path"]
        if inner.startswith(f"{self.root_path}/"):  # a proxy that does not strip its path
            inner = inner.removeprefix(self.root_path)
        scope.update(root_path=self.root_path, path=self.root_path + inner)
        parts = inner.split("/", 3)
        holder = parts[2] if len(parts) > 3 else ""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= 400:  # no path: a log holds no part of a link
                    log.warning(
                        "answered %d: %s", status, scope.get(WHY, HTTPStatus(status).phrase)
                    )
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

        if refusal := self._refusal(scope, holder):
            await _refuse(*refusal, scope, receive, guarded)
            return
        await self._pass(scope, receive, guarded)
        if scope.get(HOLDS):
            _remember(self.known, holder, None)
        else:
            self.known.pop(holder, None)

    def _refusal(self, scope: Scope, holder: str) -> tuple[int, str] | None:
        """Status and reason for which this request goes no further; None when it may."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or len(length) > 20 or int(length) > self.limits.body:
            return 413, "too large"
        if scope["method"] not in SAFE and _from_elsewhere(headers, scope["scheme"]):
            return 403, "sent by another site"
        if holder in self.known:
            allowed = self._take(f"known {holder}", *self.limits.known)
        else:
            allowed = self._take(_network(scope), *self.limits.strangers)
        return None if allowed else (429, "too many requests; wait a little")

    def _take(self, who: str, rate: float, burst: int) -> bool:
        """Whether `who` may ask once more: a token bucket of `burst`, filled at `rate` a second."""
        now = time.monotonic()
        left, since = self.buckets.get(who, (float(burst), now))
        left = min(burst, left + (now - since) * rate)
        _remember(self.buckets, who, (max(left - 1, 0.0) if left >= 1 else left, now))
        return left >= 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; what was sent to be stored is here as a whole before."""
        if scope["method"] in SAFE:
            await self.app(scope, receive, send)
            return
        body = await self._body(receive)
        if body is None:  # who sent it has gone
            return
        if len(body) > self.limits.body:
            await _refuse(413, "too large", scope, receive, send)
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self.storing.acquire()
        except TimeoutError:
            await _refuse(503, "busy; nothing was stored, try again", scope, receive, send)
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return messages.pop() if messages else await receive()

        try:
            await self.app(scope, replayed, send)
        finally:
            self.storing.release()

    async def _body(self, receive: Receive) -> bytes | None:
        """What was sent, or a little more than is allowed of it; None when the sender left."""
        body, more = b"", True
        while more and len(body) <= self.limits.body:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body


async def _refuse(status: int, words: str, scope: Scope, receive: Receive, send: Send) -> None:
    scope[WHY] = words
    await PlainTextResponse(f"{words}\n", status)(scope, receive, send)


def _network(scope: Scope) -> str:
    """Whose requests count together: an address, or, of IPv6, the network that one person has."""
    try:
        address = ipaddress.ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)  # of an IPv6 address that stands for another
    return (mapped or address).packed[:8].hex()


def _from_elsewhere(headers: Mapping[bytes, str], scheme: str = "http") -> bool:
    """Whether a browser says that a page of another site sent this request.

    `scheme` is https where the connection, or a proxy, says so.
    """
    if site := headers.get(b"sec-fetch-site"):
        return site not in ("same-origin", "none")
    if (origin := headers.get(b"origin")) is None:
        return False
    theirs = origin.partition("://")[0].lower()
    if theirs not in PORTS or (scheme == "https" and theirs != "https"):
        return True
    ours = f"{theirs}://{headers.get(b'host', '')}"  # as far as a proxy tells, where it is one
    return _origin(origin) is None or _origin(origin) != _origin(ours)


def _origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address; None where it has more than these, or is none."""
    try:
        parts = urlsplit(address)
        port = PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        return None
    if not parts.hostname or parts[2:] != ("", "", "") or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _remember(memory: OrderedDict[str, T], key: str, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
