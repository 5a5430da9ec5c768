"""Files that facegap fetches: from the first source that serves the right bytes, once a machine."""

import fcntl
import hashlib
import logging
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facegap.acquire.manifest import Asset, address, barred, place, wrong
from facegap.acquire.sources import BusyError, bring
from facegap.errors import AssetError
from facegap.files import whole
from facegap.settings.operations import Operations

WAITS = (5, 30)  # seconds before the sources that were busy are asked again

log = logging.getLogger(__name__)


def fetch_asset(
    *, by_hand: Path | None, file: Path, entry: dict[str, Any], asset: str, operations: Operations
) -> None:
    """Put the asset called `asset` at `file`: from `by_hand`, from the cache, else its sources.

    `entry` is that of config/assets.yaml, `by_hand` a file that the user has put below data_root.
    The bytes count only when kind, size and sha256 are right. Raises `AssetError` with each
    source's reason and where to put the file by hand.
    """
    if by_hand is not None:
        if fault := wrong(by_hand, entry):
            raise AssetError(f"{by_hand} is not the file that was published: {fault}; get it again")
        _copy(by_hand, file)
        return
    copy = cached(asset, entry, offline=operations.offline, accepted=operations.accept_terms)
    _copy(copy, file)
    log.info("%s is a copy of %s; delete both to have it fetched again", file, copy)


def cached(
    name: str, asset: Asset, *, offline: bool = False, accepted: Collection[str] = ()
) -> Path:
    """The asset's place in the cache, fetched when it is not there, or not the right file.

    Two jobs that want the same file wait for each other. Nothing is fetched whose terms are not
    among those `accepted`.
    """
    path = place(name, asset)
    if fault := _fault(path, asset):
        if offline:
            raise AssetError(f"{fault}, and the study is offline; put {name} there")
        if barred(asset, accepted):
            raise AssetError(
                f"{fault}, and its terms are not accepted: {asset['summary']} Terms:"
                f" {asset['terms']}\nAccept them with operations.accept_terms:"
                f" [{asset['accept']}], and facegap fetches it"
            )
        with _alone(path):
            if _fault(path, asset):  # another job may have brought it meanwhile
                _download(name, asset, path)
    return path


def _copy(source: Path, target: str | Path) -> None:
    with whole(target) as temporary:
        shutil.copyfile(source, temporary)


def _fault(path: Path, asset: Asset) -> str | None:
    """Why the cache has not the asset, or None if it has."""
    if not path.is_file():
        return f"{path} does not exist"
    fault = wrong(path, asset)
    return fault and f"{path} is not the file that was published: {fault}"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process fetches the file at `path`; the lock dies with its process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise AssetError(f"{path.parent}: the cache cannot be written: {error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(name: str, asset: Asset, path: Path) -> None:
    """From each source in turn; those that were busy are asked again, twice."""
    reasons: dict[str, str] = {}
    if path.is_file():
        reasons[f"what lies at {path}"] = fault = str(wrong(path, asset))
        log.warning("%s is fetched again: %s", path, fault)
    sources = list(asset["sources"])
    for wait in (*WAITS, None):
        busy = []
        for source in sources:
            error = _attempt(source, asset, path)
            if error is None:
                log.info("%s: fetched from %s", name, address(source))
                return
            reasons[address(source)] = reason = str(error) or type(error).__name__
            log.warning("%s: not from %s: %s", name, address(source), reason)
            busy += [source] if isinstance(error, BusyError) else []
        if not busy or wait is None:
            break
        log.info("%s: asking again in %d s", name, wait)
        time.sleep(wait)
        sources = busy
    raise AssetError(
        f"{name} could not be fetched ({asset['licence']}; terms: {asset['terms']}).\n  "
        + "\n  ".join(f"{source}: {reason}" for source, reason in reasons.items())
        + f"\nPut the file by hand at {path}"
    )


def _attempt(source: dict[str, object], asset: Asset, path: Path) -> Exception | None:
    """Fetch from one source; why it failed, or None. Half a file waits in the source's own folder.

    So no file is ever put together of two sources' halves.
    """
    own = hashlib.sha256(repr(source).encode()).hexdigest()[:8]
    arriving = path.parent / f".{path.name}.{own}" / path.name
    try:
        arriving.parent.mkdir(parents=True, exist_ok=True)
        bring(source, arriving)
        if fault := wrong(arriving, asset):
            raise AssetError(fault)
        if "sha256" not in asset:
            with arriving.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            why = asset.get("unverified", "no hash is known")
            log.warning("%s: %s; the sha256 of what came is %s", path.name, why, found)
        arriving.replace(path)
    except Exception as error:  # three libraries and the network raise what they will
        arriving.unlink(missing_ok=True)
        if not list(arriving.parent.glob("*.part")):
            shutil.rmtree(arriving.parent, ignore_errors=True)
        return error
    shutil.rmtree(arriving.parent, ignore_errors=True)
    return None
