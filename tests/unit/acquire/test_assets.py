"""Assets, from a real server on this machine: only the right bytes count."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from facegap.acquire.assets import cache, fetch_asset
from facegap.errors import AssetError

GOOD = b"the right bytes" * 1000
MANIFEST = Path(__file__).parents[3] / "config/assets.yaml"


class Handler(BaseHTTPRequestHandler):
    """Serves the right file, other files, half of it, and errors, by the path asked for."""

    def do_GET(self) -> None:
        """Answer as the path says."""
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        body = {"/other": b"X" * len(GOOD), "/error-page": b"<html>quota</html>"}.get(
            self.path, GOOD
        )
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/half" else body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("FACEGAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def asset(server: ThreadingHTTPServer, *paths: str) -> dict[str, object]:
    address = f"http://127.0.0.1:{server.server_address[1]}"
    return {
        "size": len(GOOD),
        "sha256": hashlib.sha256(GOOD).hexdigest(),
        "licence": "none",
        "terms": "nowhere",
        "sources": [{"url": address + path} for path in paths],
    }


def test_the_right_bytes_arrive_and_are_kept(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    for _ in range(2):
        fetch_asset("model", asset(server, "/good"), tmp_path / "out/model")
        assert (tmp_path / "out/model").read_bytes() == GOOD
    assert server.asked == ["/good"], "the second time it came from the cache"  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", ["/other", "/half", "/missing", "/error-page"])
def test_the_next_source_helps(bad: str, server: ThreadingHTTPServer, tmp_path: Path) -> None:
    fetch_asset("model", asset(server, bad, "/good"), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    assert server.asked == [bad, "/good"]  # type: ignore[attr-defined]


def test_a_damaged_cache_is_fetched_again(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    entry = asset(server, "/good")
    fetch_asset("model", entry, tmp_path / "model")
    next(path for path in cache().rglob("model")).write_bytes(b"damaged")
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_when_all_fail_each_reason_and_the_way_out_are_told(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    entry = asset(server, "/other", "/missing", "/half")
    entry["sources"] += [{"manual": "ask the authors"}, {"url": "http://127.0.0.1:1/closed"}]  # type: ignore[operator]
    with pytest.raises(AssetError) as error:
        fetch_asset("model", entry, tmp_path / "model")
    told = str(error.value)
    assert "/other: another file came" in told
    assert "404" in told
    assert "ask the authors" in told
    assert "127.0.0.1:1/closed" in told
    place = Path(told.rsplit("at ", 1)[1])
    assert not (tmp_path / "model").exists()
    assert not [path for path in cache().rglob("*") if path.is_file()]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(GOOD)
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD, "put there by hand, it is taken"


def test_every_asset_says_what_it_is() -> None:
    for name, entry in yaml.safe_load(MANIFEST.read_text()).items():
        assert {"licence", "terms", "sources"} <= entry.keys(), name
        assert all(source.keys() <= {"url", "wheel", "manual"} for source in entry["sources"])
