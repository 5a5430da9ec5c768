"""The ways in which a file can come: http(s), Google Drive, Hugging Face, a Python package."""

import importlib.metadata
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gdown
import requests
from gdown.exceptions import DownloadError, FileURLRetrievalError
from huggingface_hub import get_token, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get

from facegap.acquire.manifest import address
from facegap.errors import AssetError

TIMEOUT = (10, 60)  # seconds to connect, and between two pieces
RETRIES = 4  # of a line that is cut: from where it was cut, after up to 1, 2, 4, 8 seconds
BUSY = {429, 500, 502, 503, 504}

log = logging.getLogger(__name__)


class BusyError(AssetError):
    """A server that may answer another time."""


def bring(source: Mapping[str, Any], target: Path) -> None:
    """Write what `source` has at `target`; an `AssetError` or the library's own error says why not.

    What has come of a file that did not come whole stays beside `target`, to go on from.
    """
    kind, value = next(iter(source.items()))
    ways: dict[str, Callable[[Any, Path], None]] = {
        "url": _from_url,
        "drive": _from_drive,
        "hugging_face": _from_hugging_face,
        "wheel": _from_wheel,
        "manual": _by_hand,
    }
    ways[kind](value, target)


def _from_url(url: str, target: Path) -> None:
    """By gdown, which goes on where a line was cut, for any address; proxies as in requests."""
    try:
        _gdown(url, target)
    except requests.HTTPError as error:
        if error.response is not None and error.response.status_code in BUSY:
            raise BusyError(f"the server is busy: {error}") from error
        raise
    except DownloadError as error:
        if "byte range" not in str(error):
            raise
        for part in target.parent.glob(f"{target.name}*.part"):
            part.unlink()
        log.info("%s: this server cannot go on where it stopped; from the start again", url)
        _gdown(url, target)


def _gdown(url: str, target: Path) -> None:
    terminal = sys.stderr.isatty()
    gdown.download(
        url=url,
        output=str(target),
        quiet=not terminal,  # its bar is for terminals
        progress=None if terminal else _logged(target.name),
        resume=True,
        retries=RETRIES,
        timeout=TIMEOUT,
        use_cookies=False,
    )


def _logged(name: str) -> Callable[[int, int | None], None]:
    """A bar for log files: a line for each tenth of the file."""
    tenths = 0

    def progress(bytes_: int, total: int | None) -> None:
        nonlocal tenths
        if total and 10 * bytes_ // total > tenths:
            tenths = 10 * bytes_ // total
            bar = "#" * tenths + "-" * (10 - tenths)
            log.info("%s [%s] %.1f of %.1f MB", name, bar, bytes_ / 1e6, total / 1e6)

    return progress


def _from_drive(file_id: str, target: Path) -> None:
    """A public file of Google Drive, past its page that no virus scan was made."""
    number = file_id.partition("?")[0]  # gdown drops the resourcekey, which browsers need
    try:
        _from_url(f"https://drive.google.com/uc?id={number}", target)
    except FileURLRetrievalError as error:
        page = address({"drive": file_id})
        if any(word in str(error).lower() for word in ("too many", "quota")):
            raise AssetError(
                "Google Drive's quota for this file is used up: too many people fetched it in the"
                f" last 24 hours. Try again tomorrow, or open {page} in a browser where you are"
                " signed in, and put the file by hand"
            ) from error
        raise AssetError(f"Google Drive does not give out this file; look at {page}") from error


def _from_hugging_face(value: Mapping[str, str], target: Path) -> None:
    """A file of a repository, by the user's own HF_TOKEN and HF_ENDPOINT.

    Not by hf_hub_download, which begins again in every job.
    """
    url = hf_hub_url(
        value["repo"],
        value["file"],
        repo_type=value["type"],
        revision=value["revision"],
        endpoint=os.environ.get("HF_ENDPOINT"),
    )
    headers = {"Authorization": f"Bearer {token}"} if (token := get_token()) else {}
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("ab") as file:
            http_get(url, file, resume_size=file.tell(), headers=headers)
    except HfHubHTTPError as error:
        if error.response.status_code == 416:  # the half that was kept is no half of this file
            part.unlink()
        elif error.response.status_code not in BUSY:
            raise
        raise BusyError(f"the server is busy: {error}") from error
    except OSError:
        raise
    except Exception as error:  # a line cut or silent, in the words of the library's own client
        raise BusyError(f"the line was cut: {str(error) or type(error).__name__}") from error
    part.replace(target)


def _from_wheel(wheel: Mapping[str, str], target: Path) -> None:
    """One file of a Python package: the one installed, or by pip, which then installs nothing."""
    name, version = wheel["package"].split("==")
    try:
        installed = importlib.metadata.distribution(name)
        if installed.version == version:
            shutil.copyfile(str(installed.locate_file(wheel["path"])), target)
            return
    except importlib.metadata.PackageNotFoundError:
        pass
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, wheel["package"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        found = list(Path(folder).glob("*.whl"))
        if done.returncode or not found:
            raise AssetError((done.stderr.strip().splitlines() or ["pip found no wheel"])[-1])
        with (
            zipfile.ZipFile(found[0]) as archive,
            archive.open(wheel["path"]) as file,
            target.open("wb") as copy,
        ):
            shutil.copyfileobj(file, copy)


def _by_hand(words: str, target: Path) -> None:
    raise AssetError(words)
