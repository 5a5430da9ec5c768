"""Connections of the server: how many there may be, and how long one is waited for.

uvicorn waits for ever for a client that says nothing, or half of something; asyncio, which takes
connections by the thousand, fails where the files that a process may open are all in use.
"""

import asyncio
import logging
import resource
import socket
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

SECONDS = {  # that a phase may last, before its connection is ended
    "silent": 30.0,  # no byte of the next request
    "headers": 10.0,
    "body": 30.0,
    "answer": 60.0,  # of pages and pictures, to a slow line
}
MOST = 1000  # connections at once
FILES = 150  # that the database, logs and what is about to be closed need beside connections
QUEUE = 2048  # connections that may wait to be taken
HEAD = 64 * 1024  # bytes of a request before its body; the parser itself knows no limit
AT_ONCE = 16  # of these taken before the server does anything else


class Connection(HttpToolsProtocol):
    """HTTP/1.1 with one client, ended where a phase of it lasts too long.

    At `most` connections a new one takes the place of the one that has kept the server waiting the
    longest, so that silent ones shut nobody out.
    """

    most = MOST

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, in the place of another connection if there are too many."""
        super().connection_made(transport)
        self.phase: tuple[str, Any] = ("", None)
        self.since = 0.0
        self.head: int | None = None  # bytes of a request that is not here as far as its body
        self.timer: asyncio.TimerHandle | None = None
        self._look()
        if len(self.connections) > self.most:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        super().data_received(data)
        if self.head is not None:
            self.head += len(data)
            if self.head > HEAD and not self.transport.is_closing():
                self.send_400_response("Too long a head of a request.")
        self._look()

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        super().on_message_begin()
        self.head = 0

    def on_headers_complete(self) -> None:
        """Take the last byte of a request before its body."""
        self.head = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.timer:
            self.timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End with the server: at once, unless a request is here as a whole."""
        if self.phase[0] == "answer":
            super().shutdown()
        else:
            self.transport.abort()

    def _look(self) -> None:
        """Start the clock of the phase, if another one has begun."""
        if self.cycle is None or self.cycle.response_complete:
            name = "silent" if self.head is None else "headers"
        else:
            name = "body" if self.cycle.more_body else "answer"
        phase = (name, self.cycle)
        if phase == self.phase or self.transport.is_closing():
            return
        if self.timer:
            self.timer.cancel()
        self.phase, self.since = phase, time.monotonic()
        self.timer = self.loop.call_later(SECONDS[name], self.transport.abort)

    def _make_room(self) -> None:
        """End the connection that has kept the server waiting the longest, if there are too many.

        This one is among those; that it is the only one happens where all others are answered.
        """
        others = [one for one in self.connections if isinstance(one, Connection)]
        there = [one for one in others if not one.transport.is_closing()]
        if len(there) > self.most:
            log.warning("more than %d connections at once: idle ones are ended", self.most)
            waiting = [one for one in there if one.phase[0] != "answer"]
            min(waiting, key=lambda one: one.since).transport.abort()


class Listening(socket.socket):
    """A socket with a long queue, of which asyncio takes no more at once than it is to hold."""

    def listen(self, backlog: int = QUEUE) -> None:
        """Listen with a queue that is no shorter than `QUEUE`."""
        super().listen(max(backlog, QUEUE))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises `OSError` or `OverflowError` where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.create_server((host, port), family=family, backlog=QUEUE)
    # With the protocol's number asyncio sets TCP_NODELAY: an answer waits for nobody's receipt.
    return Listening(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())


def room() -> int:
    """How many connections there may be at once, having raised the limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - FILES, AT_ONCE)
    return MOST
