"""What facegap can fetch (config/assets.yaml): where it is kept, if it is right, what bars it."""

import hashlib
import os
import re
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

Asset = Mapping[str, Any]  # an entry of it
ZIPS = {".zip", ".task"}
BEGINNINGS = {  # of the other kinds of file, by the end of the name; an error page has none of them
    r"\.(tar\.gz|tgz)$": rb"\x1f\x8b",
    r"\.pth$": rb"PK|\x80|.{257}ustar",  # torch's zips, its pickles before them, its first tars
    r"\.csv$": rb"(\xef\xbb\xbf)?file,age,gender,race",
    r"\.txt$": rb"\d+(\.jpg +\d+)?\s*\n",  # how many rows follow, or the first of them
}


def cache() -> Path:
    """The folder shared by all studies: FACEGAP_CACHE, or facegap in the user's cache."""
    if "FACEGAP_CACHE" in os.environ:
        return Path(os.environ["FACEGAP_CACHE"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "facegap"


def place(name: str, asset: Asset) -> Path:
    """Where the cache keeps the asset called `name`."""
    return cache() / str(asset.get("sha256", "no-hash"))[:16] / name


def unlike(path: Path, asset: Asset) -> str | None:
    """What shows at a glance that the file at `path` is another one, or None: kind and size."""
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    with path.open("rb") as file:
        head = file.read(512)
    for end, beginning in BEGINNINGS.items():
        if re.search(end, path.name) and not re.match(beginning, head, re.DOTALL):
            return f"it begins with {head[:40]!r}, as no file of this kind does"
    if "size" in asset and size != asset["size"]:
        return f"it has {size} bytes instead of {asset['size']}"
    if path.suffix in ZIPS and not zipfile.is_zipfile(path):
        return f"it begins with {head[:40]!r} and does not end as a zip file does"
    return None


def wrong(path: Path, asset: Asset) -> str | None:
    """What is wrong with the file at `path`, or None: its kind, its size, its hash."""
    if fault := unlike(path, asset):
        return fault
    if "sha256" in asset:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != asset["sha256"]:
            return f"it is another file, with the sha256 {found}"
    return None


def barred(asset: Asset, accepted: Collection[str]) -> bool:
    """Whether the asset has terms that are not among those `accepted`."""
    return asset.get("accept", "") not in {"", *accepted}


def obstacles(
    wanted: Mapping[str, Asset], folder: str | Path, accepted: Collection[str], offline: bool
) -> str | None:
    """Why some of the assets `wanted` (by name) cannot be had, and what to do; None if all can.

    An asset that the cache holds, or the user's `folder`, is no obstacle. Their hashes are left to
    the jobs, so that a plan reads no gigabytes.
    """
    lines, words = [], {}
    for name, asset in wanted.items():
        mine, copy = Path(folder) / name, place(name, asset)
        if mine.exists():
            if fault := unlike(mine, asset):
                lines.append(f"  {mine} is not the file that was published: {fault}; replace it")
            continue
        fault = unlike(copy, asset) if copy.exists() else "missing"
        if not fault or not (offline or _only_by_hand(asset) or barred(asset, accepted)):
            continue
        lines.append(f"  {mine} does not exist; {_address(asset)}")
        if copy.exists():
            lines.append(f"    {copy}, in the cache, is not that file: {fault}; delete it")
        if barred(asset, accepted):
            words[asset["accept"]] = asset
    if not lines:
        return None
    lines.insert(0, "files that the study needs are missing:")
    for word, asset in words.items():
        lines.append(f"{word} ({asset['licence']}): {asset['summary']} Terms: {asset['terms']}")
        lines.append(
            f"  Accept them with operations.accept_terms: [{word}], and facegap fetches the files."
        )
    if offline:
        lines.append("The study is set to offline: get them elsewhere, by the addresses given.")
    lines.append(f"A file put below {folder} is used as it is.")
    return "\n".join(lines)


def _only_by_hand(asset: Asset) -> bool:
    return all("manual" in source for source in asset["sources"])


def _address(asset: Asset) -> str:
    places = "get it from " + ", or ".join(address(source) for source in asset["sources"])
    return f"{places} ({asset['unverified']})" if "unverified" in asset else places


def address(source: Mapping[str, Any]) -> str:
    """Where a source is, as a person would go there."""
    kind, value = next(iter(source.items()))
    if kind == "drive":
        number, _, key = value.partition("?")
        return f"https://drive.google.com/file/d/{number}/view" + (f"?{key}" if key else "")
    if kind == "hugging_face":
        part = "datasets/" if value["type"] == "dataset" else ""
        return f"https://huggingface.co/{part}{value['repo']}, {value['file']}"
    if kind == "wheel":
        return f"the Python package {value['package']}, {value['path']}"
    return str(value)
