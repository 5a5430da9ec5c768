"""Assets, from a real server on this machine: only the right bytes count."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from serving import Server, certificate, serving

from facegap.acquire import assets, sources
from facegap.acquire.assets import fetch_asset
from facegap.acquire.manifest import MANIFEST, cache, obstacles, place
from facegap.cli import main
from facegap.errors import AssetError

GOOD = bytes(range(256)) * 8000  # 2 MB
HASH = hashlib.sha256(GOOD).hexdigest()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEGAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(assets, "WAITS", (0, 0))


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.files["model"] = GOOD
        yield running


def asset(*given: dict[str, Any], **changed: Any) -> dict[str, Any]:
    entry = {"size": len(GOOD), "sha256": HASH, "licence": "none", "terms": "nowhere"}
    return {**entry, "sources": list(given), **changed}


def url(server: Server, how: str) -> dict[str, str]:
    return {"url": f"{server.address}/{how}/model"}


def test_the_right_bytes_arrive_and_are_kept(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        fetch_asset("model", asset(url(server, "good")), tmp_path / "out/model")
        assert (tmp_path / "out/model").read_bytes() == GOOD
    assert server.asked == ["/good/model"], "the second time it came from the cache"


@pytest.mark.parametrize("bad", ["other", "half", "missing", "error-page", "hang"])
def test_the_next_source_helps(
    bad: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(sources, "RETRIES", 0)
    fetch_asset("model", asset(url(server, bad), url(server, "good")), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    assert server.asked == [f"/{bad}/model", "/good/model"]


@pytest.mark.parametrize("bad", ["error-page", "half"])
def test_without_a_published_hash_web_pages_and_sizes_are_noticed(
    bad: str, server: Server, tmp_path: Path
) -> None:
    entry = asset(url(server, bad), url(server, "good"))
    del entry["sha256"]
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_a_line_that_is_cut_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    fetch_asset("model", asset(url(server, "cut")), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    first, second = server.asked
    assert first == "/cut/model"
    start = int(second.removeprefix("/cut/model bytes=").removesuffix("-"))
    assert 0 < start <= len(GOOD) // 2


def test_a_job_that_was_ended_goes_on_where_it_was(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "RETRIES", 0)
    entry = asset(url(server, "cut"))
    with pytest.raises(AssetError, match="incomplete"):
        fetch_asset("model", entry, tmp_path / "model")
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    assert server.asked[-1].startswith("/cut/model bytes=")
    left = [path for path in cache().rglob("*") if path.is_file()]
    assert [path.name for path in left if path.suffix != ".lock"] == ["model"]


def test_a_server_without_ranges_sends_it_again(server: Server, tmp_path: Path) -> None:
    fetch_asset("model", asset(url(server, "cut-whole")), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_a_busy_server_is_asked_again_later(server: Server, tmp_path: Path) -> None:
    fetch_asset("model", asset(url(server, "busy"), url(server, "missing")), tmp_path / "model")
    assert server.asked == ["/busy/model", "/missing/model", "/busy/model"]


def fetch_it(entry: dict[str, Any], target: Path) -> bytes:
    fetch_asset("model", entry, target)
    return target.read_bytes()


def test_two_jobs_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    with ProcessPoolExecutor(3) as pool:
        entry = asset(url(server, "good"))
        jobs = [pool.submit(fetch_it, entry, tmp_path / f"out{k}/model") for k in range(3)]
        assert [job.result(60) for job in jobs] == [GOOD] * 3
    assert server.asked == ["/good/model"]


def test_a_damaged_cache_is_fetched_again(server: Server, tmp_path: Path) -> None:
    entry = asset(url(server, "good"))
    fetch_asset("model", entry, tmp_path / "model")
    place("model", entry).write_bytes(b"damaged")
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_a_proxy_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", server.address)
    entry = asset({"url": "http://files.invalid/good/model"})
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    return certificate(folder, "drive.google.com", "drive.usercontent.google.com")


@pytest.fixture
def drive(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """What stands between this machine and Google, and is taken for it."""
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem.with_name("certificate.pem")))
    with serving(pem) as running:
        monkeypatch.setenv("https_proxy", running.address)
        running.files["model"] = GOOD
        yield running


def test_google_drive_is_passed_its_warning(drive: Server, tmp_path: Path) -> None:
    fetch_asset("model", asset({"drive": "model"}), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    assert drive.hosts == ["drive.google.com:443", "drive.usercontent.google.com:443"]


def test_google_drives_quota_is_told_as_such(drive: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError) as error:
        fetch_asset("model", asset({"drive": "quota"}), tmp_path / "model")
    told = str(error.value)
    assert "Google Drive's quota for this file is used up" in told
    assert "https://drive.google.com/file/d/quota/view" in told
    assert f"Put the file by hand at {place('model', asset())}" in told


def test_hugging_face(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    source = {"repo": "who/what", "file": "model", "revision": "a" * 40, "type": "dataset"}
    fetch_asset("model", asset({"hugging_face": source}), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_a_file_of_an_installed_package(tmp_path: Path) -> None:
    data = Path(pytest.__file__).read_bytes()
    source = {"package": f"pytest=={pytest.__version__}", "path": "pytest/__init__.py"}
    entry = asset({"wheel": source}, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    fetch_asset("init", entry, tmp_path / "init")
    assert (tmp_path / "init").read_bytes() == data


def test_when_all_fail_each_reason_and_the_way_out_are_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "RETRIES", 0)
    given = [url(server, how) for how in ("other", "missing", "half", "error-page")]
    given += [{"manual": "ask the authors"}, {"url": "http://127.0.0.1:1/closed"}]
    entry = asset(*given)
    with pytest.raises(AssetError) as error:
        fetch_asset("model", entry, tmp_path / "model")
    told = str(error.value)
    assert "/other/model: another file came" in told
    assert f"/half/model: {len(GOOD) // 2} bytes came" in told
    assert "/error-page/model: a web page came in its place" in told
    assert "404" in told
    assert "ask the authors" in told
    assert "127.0.0.1:1/closed" in told
    assert not (tmp_path / "model").exists()
    assert not [path for path in cache().rglob("*") if path.is_file() and path.suffix != ".lock"]
    by_hand = Path(told.rsplit("at ", 1)[1])
    by_hand.write_bytes(GOOD[:-1])
    with pytest.raises(AssetError, match=f"what lies at .*: {len(GOOD) - 1} bytes came"):
        fetch_asset("model", entry, tmp_path / "model")
    by_hand.write_bytes(GOOD)
    fetch_asset("model", entry, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD, "put there by hand, it is taken"


def test_the_users_own_file_is_taken_when_it_is_right(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(GOOD)
    fetch_asset("model", asset(), tmp_path / "model", by_hand=mine, offline=True)
    assert (tmp_path / "model").read_bytes() == GOOD
    mine.write_bytes(b"X" * len(GOOD))
    with pytest.raises(AssetError, match="mine is not the file that was published: another file"):
        fetch_asset("model", asset(), tmp_path / "other", by_hand=mine)


def test_offline_asks_nobody(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="model is missing and the study is offline; put it at"):
        fetch_asset("model", asset(url(server, "good")), tmp_path / "model", offline=True)
    assert not server.asked


TERMS = {"accept": "celeba", "summary": "Be good.", "licence": "research", "terms": "http://terms"}


def test_obstacles_are_told_before_anything_is_fetched(tmp_path: Path) -> None:
    free = asset({"url": "http://free/model"})
    barred = asset({"drive": "17"}, **TERMS)
    both = {"free": free, "barred": barred, "hand": asset({"manual": "ask them"})}

    told = obstacles(both, tmp_path, [], offline=False)
    assert told is not None
    assert "free does not exist" not in told
    assert "barred does not exist; get it from https://drive.google.com/file/d/17/view" in told
    assert "hand does not exist; get it from ask them" in told
    assert "celeba (research): Be good. Terms: http://terms" in told
    assert "accept_terms: [celeba]" in told

    told = obstacles(both, tmp_path, ["celeba"], offline=True)
    assert told is not None
    assert "free does not exist; get it from http://free/model" in told
    assert "Terms" not in told

    (tmp_path / "hand").touch()
    assert obstacles(both, tmp_path, ["celeba"], offline=False) is None


def test_every_asset_says_what_it_is() -> None:
    kinds = {"url", "drive", "hugging_face", "wheel", "manual"}
    for name, entry in yaml.safe_load(MANIFEST.read_text()).items():
        assert {"licence", "terms", "sources"} <= entry.keys(), name
        assert ("accept" in entry) == ("summary" in entry), name
        assert all(len(source) == 1 and source.keys() <= kinds for source in entry["sources"])
        assert set(entry.get("sha256", "")) <= set("0123456789abcdef"), name


def test_the_command_lists_and_asks_for_the_terms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["acquire"]) == 0
    assert "img_align_celeba.zip" in capsys.readouterr().out
    assert main(["acquire", "img_align_celeba.zip"]) == 2
    assert "--accept-terms celeba" in capsys.readouterr().err
    assert main(["acquire", "nothing"]) == 2


def test_the_command_fetches_into_the_cache(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = tmp_path / "assets.yaml"
    manifest.write_text(yaml.safe_dump({"model": asset(url(server, "good"), **TERMS)}))
    monkeypatch.setattr("facegap.acquire.cli.MANIFEST", manifest)
    assert main(["acquire", "model", "--accept-terms", "celeba"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == GOOD
