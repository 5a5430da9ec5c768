"""What facegap can fetch (config/assets.yaml): where it is kept, if it is right, what bars it."""

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).parents[4] / "config/assets.yaml"
Asset = Mapping[str, Any]  # an entry of it


def cache() -> Path:
    """The folder shared by all studies: FACEGAP_CACHE, or facegap in the user's cache."""
    if "FACEGAP_CACHE" in os.environ:
        return Path(os.environ["FACEGAP_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "facegap"


def place(name: str, asset: Asset) -> Path:
    """Where the cache keeps the asset called `name`."""
    return cache() / str(asset.get("sha256", "no-hash"))[:16] / name


def wrong(path: Path, asset: Asset) -> str | None:
    """What is wrong with the file at `path`, or None: its size, its hash, or being a web page."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
        if head.startswith((b"<!doctype html", b"<html")):
            return "a web page came in its place"
        if "size" in asset and size != asset["size"]:
            return f"{size} bytes came, {asset['size']} belong to the file"
        if size == 0:
            return "an empty file came"
        if "sha256" in asset:
            file.seek(0)
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if not found.startswith(asset["sha256"]):
                return f"another file came: its sha256 is {found}"
    return None


def obstacles(
    wanted: Mapping[str, Asset], folder: str | Path, accepted: Collection[str], offline: bool
) -> str | None:
    """Why some of the assets `wanted` (by name) cannot be had, and what to do; None if all can.

    An asset that the cache holds, or the user's `folder`, is no obstacle.
    """
    missing = {
        name: asset
        for name, asset in wanted.items()
        if not (place(name, asset).exists() or (Path(folder) / name).exists())
    }
    barred = {n: a for n, a in missing.items() if a.get("accept", "") not in {"", *accepted}}
    by_hand = {n: a for n, a in missing.items() if offline or {*_kinds(a)} == {"manual"}}
    listed = [name for name in missing if name in barred or name in by_hand]
    if not listed:
        return None
    lines = ["files that the study needs are missing:"]
    for name in listed:
        lines.append(f"  {folder}/{name} does not exist; {_address(name, missing[name])}")
    for word in dict.fromkeys(asset["accept"] for asset in barred.values()):
        asset = next(asset for asset in barred.values() if asset["accept"] == word)
        lines.append(f"{word} ({asset['licence']}): {asset['summary']} Terms: {asset['terms']}")
        lines.append(f"  Accept them with accept_terms: [{word}], and facegap fetches the files.")
    if offline:
        lines.append("The study is set to offline: get them elsewhere, by the addresses given.")
    lines.append(f"A file put below {folder} is used as it is.")
    return "\n".join(lines)


def _kinds(asset: Asset) -> list[str]:
    return [kind for source in asset["sources"] for kind in source]


def _address(name: str, asset: Asset) -> str:
    return "get it from " + ", or ".join(address(source) for source in asset["sources"])


def address(source: Mapping[str, Any]) -> str:
    """Where a source is, as a person would go there."""
    kind, value = next(iter(source.items()))
    if kind == "drive":
        return f"https://drive.google.com/file/d/{value}/view"
    if kind == "hugging_face":
        part = "datasets/" if value["type"] == "dataset" else ""
        return f"https://huggingface.co/{part}{value['repo']}, {value['file']}"
    if kind == "wheel":
        return f"the Python package {value['package']}, {value['path']}"
    return str(value)
