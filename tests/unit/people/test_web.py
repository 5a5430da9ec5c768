"""The shared web base: what it refuses, what it says, and that a commit is one."""

import asyncio
import logging
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse, Response

from facegap import cli
from facegap.errors import ConfigError, StoreError
from facegap.people.web.app import Pages, application, form
from facegap.people.web.guard import HOLDS, Guard, Limits, _from_elsewhere
from facegap.people.web.log import OnceAMinute, start_log
from facegap.people.web.serve import serve
from facegap.people.web.store import connect, reading, writing
from facegap.people.web.tokens import hashed, new_token

GOOD = "g" * 32
META = sa.MetaData()
NOTES = sa.Table("notes", META, sa.Column("id", sa.Integer, primary_key=True))


def site(**options: object) -> FastAPI:
    router = APIRouter()

    @router.get("/p/{token}/")
    def page(request: Request, token: str) -> Response:
        request.scope[HOLDS] = token in ("good", GOOD)
        return PlainTextResponse("page", 200 if request.scope[HOLDS] else 404)

    @router.post("/p/{token}/answer")
    async def answer(request: Request, token: str) -> Response:
        return PlainTextResponse(str(sorted((await form(request)).items())))

    @router.get("/full")
    def full() -> Response:
        raise StoreError("the disk is full")

    return application("test", router, Pages(), **options)  # type: ignore[arg-type]


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(site(limits=Limits(body=1000))) as client:
        yield client


def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    for path in ("/p/good/", "/nowhere", "/static/web/style.css", "/full"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/p/good/").headers["cache-control"] == "no-store"
    assert "max-age" in client.get("/static/web/style.css").headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/openapi.json", "/static/", "/static/web/", "/static/web/../app.py"),
        *("/static/web/%2e%2e/app.py", "/static/web/..%5capp.py", "/static/web/%00"),
        "/static/web//etc/passwd",
    ],
)
def test_nothing_is_listed_and_no_path_leads_out(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_post_of_another_site_is_refused(client: TestClient) -> None:
    def status(**headers: str) -> int:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/p/good/answer", data={"a": "b"}, headers=headers).status_code

    assert status() == 200
    assert status(sec_fetch_site="same-origin") == 200
    assert status(origin="http://testserver") == 200
    assert status(sec_fetch_site="cross-site") == 403
    assert status(sec_fetch_site="same-site") == 403
    assert status(origin="https://elsewhere.example") == 403
    assert status(origin="null") == 403


HOST = st.sampled_from(
    ["lab.example", "LAB.example", "127.0.0.1", "[::1]", "xn--bcher-kva.example"]
)
PORT = st.sampled_from(["", ":80", ":443", ":8080"])
ORIGIN = st.tuples(st.sampled_from(["http", "https"]), HOST, PORT)


@given(ORIGIN, st.tuples(HOST, PORT), st.sampled_from(["http", "https"]))
def test_origins_are_compared_as_origins(
    origin: tuple[str, str, str], host: tuple[str, str], scheme: str
) -> None:
    """A port that is left out is the scheme's; a proxy may leave out that its scheme is https."""
    theirs, name, port = origin
    default = {"http": ":80", "https": ":443"}[theirs]
    same = (name.lower(), port or default) == (host[0].lower(), host[1] or default)
    same &= scheme == "http" or theirs == "https"
    headers = {b"host": "".join(host), b"origin": f"{theirs}://{name}{port}"}
    assert _from_elsewhere(headers, scheme) is not same


@pytest.mark.parametrize(
    "origin",
    [
        *("null", "", "lab.example", "ftp://lab.example", "http://lab.example/", "http://"),
        *(
            "http://lab.example:x",
            "http://lab.example:99999",
            "http://a@lab.example",
            "http://[::1",
        ),
    ],
)
def test_what_is_no_origin_is_from_elsewhere(origin: str) -> None:
    assert _from_elsewhere({b"host": "lab.example", b"origin": origin})
    assert _from_elsewhere({b"host": origin.removeprefix("http://"), b"origin": origin})


def test_who_leaves_in_the_middle_of_a_form_is_no_error() -> None:
    parts = [
        {"type": "http.request", "body": b"a=", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return parts.pop(0)

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "path": "/p/good/answer", "method": "POST", "headers": headers}
    scope |= {"scheme": "http", "client": ("127.0.0.1", 1), "query_string": b""}
    asyncio.run(site()(scope, receive, None))  # type: ignore[arg-type]
    assert parts == []


def test_a_log_says_a_thing_once_a_minute() -> None:
    now, messages = [0.0], []
    log = logging.Logger("test")
    handler = logging.Handler()
    handler.addFilter(OnceAMinute(lambda: now[0]))
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    for second in range(150):
        now[0] = second
        log.warning("answered %d", 404)
        log.warning("answered %d", 413 if second == 70 else 404)
    for number in range(5000):
        log.warning("%d", number)
    more = [f"answered 404 ({count} more times since)" for count in (119, 118)]
    assert messages[:4] == ["answered 404", more[0], "answered 413", more[1]]
    assert len(handler.filters[0].seen) <= 1000  # type: ignore[union-attr]


def test_the_log_of_a_server_changes_no_other_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    others = [(handler, list(handler.filters)) for handler in root.handlers]
    assert others, "pytest's"
    start_log()
    assert [(handler, handler.filters) for handler in root.handlers] == others
    level = root.level
    monkeypatch.setattr(root, "handlers", [])
    start_log()
    (own,) = root.handlers
    assert isinstance(own.filters[0], OnceAMinute)
    assert root.level == logging.INFO
    root.setLevel(level)


def test_a_form_is_a_form_of_a_fair_size(client: TestClient) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}

    def status(body: bytes | Iterator[bytes], headers: dict[str, str] = kind) -> int:
        return client.post("/p/good/answer", content=body, headers=headers).status_code

    assert client.post("/p/good/answer", data={"a": "é", "b": ""}).text == "[('a', 'é'), ('b', '')]"
    assert status(b"a=1&a=2") == 422
    assert status(b"a=%ff") == 422
    assert status(b"a=%00") == 422
    assert status(b"\xff") == 422
    assert status(b"{}", {"content-type": "application/json"}) == 422
    assert status(b"a=" + b"x" * 2000) == 413
    assert status(iter([b"a=" + b"x" * 600, b"x" * 600])) == 413  # no length promised
    assert status(b"a=1", {**kind, "content-length": "-1"}) == 413


def test_rates_are_a_persons_and_strangers_share_their_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = Limits(known=(0.001, 3), strangers=(0.001, 4))
    with TestClient(site(limits=limits)) as client:
        assert [client.get(f"/p/{GOOD}/").status_code for _ in range(5)] == [200] * 4 + [429]
        found = [client.get(f"/p/{'forged' + str(i):_<32}/").status_code for i in range(5)]
        assert found == [404] * 3 + [429] * 2
    assert "429" in caplog.text


PAGES = [
    f"/{place}/{{}}{more}" for place in ("p", "s", "") for more in ("", "/", "/withdraw/", "?a")
]


@pytest.mark.parametrize("page", [*PAGES, "/{}", "/static/{}/x", "/p/{}/answer", "//{}/"])
def test_no_log_holds_a_part_of_a_link(page: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "facegap")
    with TestClient(site(limits=Limits(strangers=(0.001, 2)))) as client:
        for _ in range(3):
            client.get(page.format("Xq7" * 11)[:60], follow_redirects=False)
            client.post(page.format(GOOD), headers={"sec-fetch-site": "cross-site"})
    assert "answered" in caplog.text
    assert "Xq7" not in caplog.text
    assert GOOD not in caplog.text


@pytest.mark.parametrize("more", ["/", "/withdraw/", "/answer", ""])
def test_invented_links_get_no_rate_of_their_own_and_are_not_kept(more: str) -> None:
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("", 307)(scope, receive, send)

    guard = Guard(app, Limits(strangers=(0.001, 10)), "")

    def ask(path: str, address: str) -> None:
        scope = {"type": "http", "path": path, "method": "GET", "headers": [], "scheme": "http"}

        async def send(message: Any) -> None:
            seen.append(message.get("status", 0))

        asyncio.run(guard({**scope, "client": (address, 1)}, None, send))  # type: ignore[arg-type]

    for i in range(30):
        ask(f"/s/{i:_<32}{more}", "2001:db8::1")
        ask(f"/s/{i}{'y' * 60_000}{more}", f"2001:db8::{i:x}")
        ask(f"/s/x{more}", "z" * 60_000)
    assert [seen.count(status) for status in (307, 429)] == [20, 70], "a network, and the unknown"
    assert not guard.known
    assert sum(map(len, guard.buckets)) < 100


@pytest.mark.parametrize("prefix", ["", "/study"])  # stripped by the proxy, or not
def test_behind_the_path_of_a_proxy(prefix: str) -> None:
    with TestClient(site(root_path="study/")) as client:
        assert client.get(f"{prefix}/p/good/").status_code == 200
        page = client.get(f"{prefix}/nowhere")
        assert page.status_code == 404
        assert 'href="/study/static/web/style.css"' in page.text
        assert client.get(f"{prefix}/static/web/style.css").status_code == 200


def test_a_page_says_that_nothing_was_stored(client: TestClient) -> None:
    page = client.get("/full")
    assert page.status_code == 503
    assert "could not be stored" in page.text


def test_tokens_are_long_and_stored_as_hashes() -> None:
    many = {new_token() for _ in range(1000)}
    assert len(many) == 1000
    assert {len(token) for token in many} == {32}
    assert hashed("a") == hashed("a") != hashed("b")
    assert len(hashed("\udcff")) == 64


def test_a_transaction_is_stored_whole_or_not_at_all(database: str | Path) -> None:
    engine = connect(database, META)
    with writing(engine) as connection:
        connection.execute(NOTES.insert().values(id=1))
    with pytest.raises(StoreError, match="cannot be used"), writing(engine) as connection:
        connection.execute(NOTES.insert(), [{"id": 2}, {"id": 1}])
    with reading(connect(database, META)) as connection:
        assert connection.execute(sa.select(NOTES.c.id)).scalars().all() == [1]


def test_sqlite_keeps_what_is_committed(tmp_path: Path) -> None:
    with reading(connect(tmp_path / "a.sqlite", META)) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_database_that_cannot_be_used_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegap.people.web.store.BUSY_SECONDS", 0.05)
    engine = connect(tmp_path / "a.sqlite", META)
    with sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program holds it"), writing(engine):
            pass
    other.close()
    with writing(engine) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=3")  # what SQLite calls a full disk
    with pytest.raises(StoreError, match="the disk is full"), writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE more AS SELECT zeroblob(100000) AS text")
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(StoreError, match="no SQLite database"):
        connect(tmp_path / "text", META)
    with pytest.raises(StoreError, match="cannot be opened"):
        connect(tmp_path / "none/a.sqlite", META)
    with pytest.raises(ConfigError, match="give a file, or postgresql"):
        connect("nonsense://user:secret@host/x", META)
    with pytest.raises(StoreError, match="does not answer") as error:
        connect("postgresql://user:secret@127.0.0.1:1/x", META)
    assert "secret" not in str(error.value)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve(site(), port=port)
    with pytest.raises(ConfigError, match="cannot listen"):
        serve(site(), port=70000)


def test_the_command_asks_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([])
    assert stop.value.code == 2
    assert "command" in capsys.readouterr().err
    found = subprocess.run(
        [sys.executable, "-m", "facegap.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "annotate" in found.stdout
