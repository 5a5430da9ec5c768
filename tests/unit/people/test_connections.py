"""Connections that keep the server waiting: they are ended, and shut nobody out."""

import asyncio
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from facegap.people.web import connections
from facegap.people.web.app import Pages, application
from facegap.people.web.connections import AT_ONCE, FILES, MOST, Connection, listen

PAGE = b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
FORM = b"POST /page HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\na="


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Callable[[], None]]]:
    """A server that waits for a moment, and holds eight connections: its port, and what ends it."""
    monkeypatch.setattr(connections, "SECONDS", dict.fromkeys(connections.SECONDS, 0.3))
    monkeypatch.setattr(Connection, "most", 8)
    router = APIRouter()

    @router.get("/page")
    def page() -> Response:
        return PlainTextResponse("page")

    @router.get("/large")
    def large() -> Response:
        return PlainTextResponse("x" * 30_000_000)

    app = application("test", router, Pages())
    config = uvicorn.Config(app, http=Connection, backlog=AT_ONCE, log_config=None)
    server = uvicorn.Server(config)
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()

    def end() -> None:
        server.should_exit = True
        thread.join()

    yield listening.getsockname()[1], end
    end()


@pytest.fixture
def port(server: tuple[int, Callable[[], None]]) -> int:
    """The port of the server."""
    return server[0]


def connect(port: int, data: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.sendall(data)
    return client


def read(client: socket.socket) -> bytes:
    """What comes until the server ends the connection; 20 seconds without a byte are an error."""
    parts = []
    try:
        while part := client.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", b""),
        (b"GET /page HTTP/1.1\r\nHost: x\r\nX-a: ", b""),
        (FORM, b""),
        (PAGE, b"200"),
        (PAGE + b"GET", b"200"),
        (PAGE + FORM, b"200"),
    ],
)
def test_who_keeps_the_server_waiting_is_left(port: int, data: bytes, status: bytes) -> None:
    assert read(connect(port, data))[9:12] == status


@pytest.mark.parametrize("part", [100, 1 << 20])
def test_the_head_of_a_request_has_an_end(port: int, part: int) -> None:
    """In however small parts, it is refused, and not kept: the parser itself knows no limit."""
    with connect(port, b"GET /page HTTP/1.1\r\nHost: x\r\nX-a: ") as client:
        try:
            for _ in range(0, 2 * connections.HEAD, part):
                client.sendall(b"a" * part)
        except OSError:  # refused already
            return
        assert read(client)[9:12] == b"400"


@pytest.mark.parametrize(
    "data",
    [
        b"POST /page HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        + PAGE,
        b"POST /page HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /page HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc",
        b"GET /page HTTP/1.1\r\nX-A: b\r\n c\r\n\r\n",
        b"GET /page HTTP/1.1\r\nX A: b\r\n\r\n",
        b"GET /page HTTP/1.1\nHost: x\n\n",
        b"GET /p\0ge HTTP/1.1\r\n\r\n",
        "GET /pägé HTTP/1.1\r\n\r\n".encode(),
        b"GET http://x HTTP/1.1\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        bytes(range(256)),
    ],
)
def test_what_a_proxy_might_read_otherwise_is_refused_once(port: int, data: bytes) -> None:
    """And nothing after it is taken for a request."""
    with connect(port, data) as client:
        assert re.findall(rb"HTTP/1.1 (\d+)", read(client)) == [b"400"]
    with connect(port, PAGE) as client:
        assert client.recv(100)[9:12] == b"200"


def test_requests_that_come_at_once_are_answered_in_turn(port: int) -> None:
    with connect(port, PAGE + FORM + b"1234567" + PAGE) as client:
        assert re.findall(rb"HTTP/1.1 (\d+)", read(client)) == [b"200", b"405", b"200"]


def test_who_does_not_read_is_left(port: int) -> None:
    client = connect(port, LARGE)
    connect(port, PAGE).recv(1)
    threading.Event().wait(1)  # much longer than an answer may take
    assert len(read(client)) < 30_000_000


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nX", FORM, PAGE])
def test_silent_connections_shut_nobody_out(
    port: int, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(connections, "SECONDS", dict.fromkeys(connections.SECONDS, 600.0))
    silent = []
    for _ in range(40):
        silent.append(connect(port, data))
        if data == PAGE:  # one that is being answered keeps its place, and the next would be ended
            assert silent[-1].recv(100)[9:12] == b"200"
    with connect(port, PAGE) as one:
        assert one.recv(100)[9:12] == b"200"
    ended = [read(client) for client in silent[:30]]
    assert len(ended) == 30, "the oldest gave way"
    for client in silent:
        client.close()


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nX", FORM, PAGE])
def test_a_server_that_is_ended_waits_for_no_half_request(
    server: tuple[int, Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(connections, "SECONDS", dict.fromkeys(connections.SECONDS, 5.0))
    port, end = server
    client = connect(port, data)
    with connect(port, PAGE) as one:
        assert one.recv(100)[9:12] == b"200"
    end()
    assert read(client)[9:12] == (b"200" if data == PAGE else b"")
    assert "Waiting for connections to close" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_waits_for_nobodys_receipt(host: str) -> None:
    async def delayed() -> bool:
        found: list[bool] = []

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken = writer.get_extra_info("socket")
            found.append(bool(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()

        with listen(host, 0) as listening:
            server = await asyncio.start_server(serve, sock=listening)
            reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            await reader.read()
            writer.close()
            server.close()
        return not found[0]

    if host == "::1" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    assert not asyncio.run(delayed())


@pytest.mark.parametrize(("files", "most"), [(256, 256 - FILES), (100, AT_ONCE), (4096, MOST)])
def test_there_are_files_for_the_database_beside_the_connections(files: int, most: int) -> None:
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({files}, {files}));"
    code = f"{limit} from facegap.people.web.connections import room; print(room())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(most)
