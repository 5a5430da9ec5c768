"""Assets, from a real server on this machine: only the right bytes count."""

import gzip
import hashlib
import io
import logging
import pickle
import re
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import yaml
from huggingface_hub.file_download import http_get
from serving import Server, certificate, serving

from facegap.acquire import assets, sources
from facegap.acquire.manifest import BEGINNINGS, ZIPS, cache, obstacles, place
from facegap.assets import manifest
from facegap.cli import main
from facegap.errors import AssetError
from facegap.settings.operations import Operations

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


def fetch_asset(
    name: str,
    entry: dict[str, Any],
    file: Path,
    by_hand: Path | None = None,
    offline: bool = False,
    accepted: Sequence[str] = (),
) -> None:
    operations = Operations(offline=offline, accept_terms=list(accepted))
    assets.fetch_asset(by_hand=by_hand, file=file, entry=entry, asset=name, operations=operations)


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


@lru_cache
def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.jpg", b"1" * 2000)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))
    return file.getvalue()


PAGES = {
    "page": b"<!DOCTYPE html><html>Sign in</html>",
    "mark": b"\xef\xbb\xbf<!DOCTYPE html><html>Sign in</html>",
    "comment": b"<!-- 17 --><!DOCTYPE html><html>Sign in</html>",
    "head": b"<head><title>Sign in</title></head>",
    "xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "json": b'{"error":"quota exceeded"}',
    "text": b"Too many requests",
    "nothing": b"",
}
RIGHT = {
    "part1.tar.gz": [gzip.compress(b"faces", mtime=0)],
    "lfw.tgz": [gzip.compress(b"faces", mtime=0)],
    "faces.zip": [zipped()],
    "face_landmarker.task": [b"\0\0" + zipped()],  # as the real one begins
    "vgg_face_dag.pth": [zipped(), pickle.dumps({}, protocol=2), tarred()],
    "fairface_label_val.csv": [
        b"file,age,gender,race,service_test\nval/1.jpg,3-9,Male,White,True\n"
    ],
    "list_attr_celeba.txt": [b"202599\nBangs Male\n000001.jpg -1  1\n", b"2\r\nBangs\r\n"],
    "identity_CelebA.txt": [b"000001.jpg 2880\n000002.jpg 2937\n"],
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", RIGHT)
def test_without_a_hash_a_page_is_not_taken_for_the_file(
    name: str, page: str, server: Server, tmp_path: Path
) -> None:
    server.files = {"page": PAGES[page]}
    entry = asset({"url": f"{server.address}/good/page"}, unverified="nobody publishes one")
    del entry["size"], entry["sha256"]
    with pytest.raises(AssetError, match=r"no file of this kind|not end as a zip|is empty"):
        fetch_asset(name, entry, tmp_path / name)
    assert not place(name, entry).exists()


@pytest.mark.parametrize(("name", "data"), [(n, d) for n in RIGHT for d in RIGHT[n]])
def test_without_a_hash_the_files_kind_is_enough(
    name: str, data: bytes, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.files = {name: data}
    entry = asset({"url": f"{server.address}/good/{name}"}, unverified="nobody publishes one")
    del entry["size"], entry["sha256"]
    caplog.set_level(logging.INFO)
    fetch_asset(name, entry, tmp_path / name)
    assert (tmp_path / name).read_bytes() == data
    assert "nobody publishes one; the sha256 of what came is" in caplog.text
    assert f"is a copy of {place(name, entry)}; delete both to have it fetched again" in caplog.text


def test_half_a_zip_without_hash_and_size_is_noticed(server: Server, tmp_path: Path) -> None:
    server.files = {"faces.zip": zipped()}
    entry = asset(*({"url": f"{server.address}/{how}/faces.zip"} for how in ("half", "good")))
    del entry["size"], entry["sha256"]
    fetch_asset("faces.zip", entry, tmp_path / "faces.zip")
    assert (tmp_path / "faces.zip").read_bytes() == zipped()


def test_a_page_that_was_kept_is_fetched_again(server: Server, tmp_path: Path) -> None:
    server.files = {"faces.zip": zipped()}
    entry = asset({"url": f"{server.address}/good/faces.zip"})
    del entry["size"], entry["sha256"]
    place("faces.zip", entry).parent.mkdir(parents=True)
    place("faces.zip", entry).write_bytes(PAGES["json"])
    fetch_asset("faces.zip", entry, tmp_path / "faces.zip")
    assert (tmp_path / "faces.zip").read_bytes() == zipped()


def test_why_a_source_failed_is_told_when_a_later_one_helps(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fetch_asset("model", asset(url(server, "half"), url(server, "good")), tmp_path / "model")
    assert f"model: not from {server.address}/half/model: it has 1024000 bytes" in caplog.text
    assert f"model: fetched from {server.address}/good/model" in caplog.text


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
    fetch_asset("model", asset({"drive": "model?resourcekey=0-a"}), tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    assert drive.hosts == ["drive.google.com:443", "drive.usercontent.google.com:443"]


def test_google_drives_quota_is_told_as_such(drive: Server, tmp_path: Path) -> None:
    with pytest.raises(AssetError) as error:
        fetch_asset("model", asset({"drive": "quota"}), tmp_path / "model")
    message = str(error.value)
    assert "Google Drive's quota for this file is used up" in message
    assert "https://drive.google.com/file/d/quota/view" in message
    assert f"Put the file by hand at {place('model', asset())}" in message


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A file of Hugging Face, for which the server stands in."""
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)  # GOOD is small
    source = {"repo": "who/what", "file": "model", "revision": "a" * 40, "type": "dataset"}
    return asset({"hugging_face": source})


def test_hugging_face(server: Server, hub: dict[str, Any], tmp_path: Path) -> None:
    fetch_asset("model", hub, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_hugging_face_is_asked_again_when_it_is_busy(
    server: Server, hub: dict[str, Any], tmp_path: Path
) -> None:
    server.hub = ["busy"]
    fetch_asset("model", hub, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_hugging_face_is_asked_again_when_it_is_silent(
    server: Server, hub: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    monkeypatch.setattr(sources, "http_get", partial(http_get, _nb_retries=0))
    server.hub = ["hang"]
    fetch_asset("model", hub, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD


def test_what_hugging_face_has_not_is_not_asked_for_again(
    server: Server, hub: dict[str, Any], tmp_path: Path
) -> None:
    server.hub = ["missing"]
    with pytest.raises(AssetError, match="404"):
        fetch_asset("model", hub, tmp_path / "model")


def test_hugging_face_goes_on_in_the_next_job(
    server: Server, hub: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "WAITS", ())
    server.hub = ["cut", "busy"]  # the second ends the job
    with pytest.raises(AssetError, match="busy"):
        fetch_asset("model", hub, tmp_path / "model")
    fetch_asset("model", hub, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == GOOD
    start = int(server.asked[-1].removeprefix("/good/model bytes=").removesuffix("-"))
    assert 0 < start <= len(GOOD) // 2
    left = [path for path in cache().rglob("*") if path.is_file()]
    assert [path.name for path in left if path.suffix != ".lock"] == ["model"]


def test_more_than_the_file_is_not_gone_on_from(
    server: Server, hub: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hub = ["cut", "missing"]
    with pytest.raises(AssetError, match="404"):
        fetch_asset("model", hub, tmp_path / "model")
    (part,) = cache().rglob("*.part")
    part.write_bytes(2 * GOOD)
    fetch_asset("model", hub, tmp_path / "model")
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
    message = str(error.value)
    assert "/other/model: it is another file" in message
    assert f"/half/model: it has {len(GOOD) // 2} bytes" in message
    assert "/error-page/model: it has 35 bytes" in message
    assert "404" in message
    assert "ask the authors" in message
    assert "127.0.0.1:1/closed" in message
    assert not (tmp_path / "model").exists()
    assert not [path for path in cache().rglob("*") if path.is_file() and path.suffix != ".lock"]
    by_hand = Path(message.rsplit("at ", 1)[1])
    by_hand.write_bytes(GOOD[:-1])
    with pytest.raises(AssetError, match=f"what lies at .*: it has {len(GOOD) - 1} bytes"):
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
    with pytest.raises(AssetError, match="mine is not the file that was published: it is another"):
        fetch_asset("model", asset(), tmp_path / "other", by_hand=mine)


def test_offline_asks_nobody(server: Server, tmp_path: Path) -> None:
    entry = asset(url(server, "good"))
    with pytest.raises(AssetError, match="does not exist, and the study is offline; put model"):
        fetch_asset("model", entry, tmp_path / "model", offline=True)
    place("model", entry).parent.mkdir(parents=True)
    place("model", entry).write_bytes(b"damaged")
    with pytest.raises(AssetError, match=r"not the file that was published: it has 7 bytes"):
        fetch_asset("model", entry, tmp_path / "model", offline=True)
    assert not server.asked


TERMS = {"accept": "celeba", "summary": "Be good.", "licence": "research", "terms": "http://terms"}


def test_obstacles_are_told_before_anything_is_fetched(tmp_path: Path) -> None:
    free = asset({"url": "http://free/model"}, unverified="nobody publishes a hash")
    barred = asset({"drive": "17?resourcekey=0-a"}, **TERMS)
    both = {"free": free, "barred": barred, "hand": asset({"manual": "ask them"})}

    message = obstacles(both, tmp_path, [], offline=False)
    assert message is not None
    assert "free does not exist" not in message
    page = "https://drive.google.com/file/d/17/view?resourcekey=0-a"
    assert f"barred does not exist; get it from {page}" in message
    assert "hand does not exist; get it from ask them" in message
    assert "celeba (research): Be good. Terms: http://terms" in message
    assert "accept_terms: [celeba]" in message

    message = obstacles(both, tmp_path, ["celeba"], offline=True)
    assert message is not None
    assert "free does not exist; get it from http://free/model (nobody publishes a hash)" in message
    assert "Terms" not in message

    (tmp_path / "hand").write_bytes(GOOD)
    assert obstacles(both, tmp_path, ["celeba"], offline=False) is None


def test_another_file_in_the_cache_opens_no_way_round_the_terms(
    server: Server, tmp_path: Path
) -> None:
    entry = asset(url(server, "good"), **TERMS)
    copy = place("model", entry)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"1234")
    message = obstacles({"model": entry}, tmp_path, [], offline=False)
    assert message is not None
    assert f"{copy}, in the cache, is not that file: it has 4 bytes" in message
    assert "delete it" in message
    assert "accept_terms: [celeba]" in message
    assert obstacles({"model": entry}, tmp_path, ["celeba"], offline=False) is None
    assert "4 bytes" in str(obstacles({"model": entry}, tmp_path, ["celeba"], offline=True))

    copy.write_bytes(b"X" * len(GOOD))  # of the right size: only the job reads it whole
    assert obstacles({"model": entry}, tmp_path, [], offline=False) is None
    for accepted in ([], ["utkface"]):
        with pytest.raises(AssetError) as error:
            fetch_asset("model", entry, tmp_path / "model", accepted=accepted)
        message = str(error.value)
        assert f"{copy} is not the file that was published: it is another file" in message
        assert "its terms are not accepted: Be good. Terms: http://terms" in message
        assert "accept_terms: [celeba], and facegap fetches it" in message
    assert not server.asked
    fetch_asset("model", entry, tmp_path / "model", accepted=["celeba"])
    assert (tmp_path / "model").read_bytes() == GOOD


def test_another_file_of_the_users_is_told_before_the_first_job(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"1234")
    message = str(obstacles({"model": asset()}, tmp_path, [], offline=False))
    assert f"{tmp_path}/model is not the file that was published: it has 4 bytes" in message
    assert "replace it" in message


def test_every_asset_says_what_it_is() -> None:
    kinds = {"url", "drive", "hugging_face", "wheel", "manual"}
    for name, entry in manifest().items():
        assert {"licence", "terms", "sources"} <= entry.keys(), name
        assert ("accept" in entry) == ("summary" in entry), name
        assert all(len(source) == 1 and source.keys() <= kinds for source in entry["sources"])
        assert Path(name).suffix in ZIPS or any(re.search(end, name) for end in BEGINNINGS), name
        if "sha256" in entry:
            assert re.fullmatch("[0-9a-f]{64}", entry["sha256"]), name
            assert entry["size"] > 0, name
            assert "unverified" not in entry, name
        else:
            assert len(entry["unverified"].split()) > 3, f"{name}: say why there is no hash"


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
    entries = tmp_path / "assets.yaml"
    entries.write_text(yaml.safe_dump({"model": asset(url(server, "good"), **TERMS)}))
    monkeypatch.setattr("facegap.assets.MANIFEST", entries)
    assert main(["acquire", "model", "--accept-terms", "celeba"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_bytes() == GOOD
