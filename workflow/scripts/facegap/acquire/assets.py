"""Files that facegap fetches: from the first source that serves the right bytes, once a machine."""

import fcntl
import hashlib
import logging
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from facegap.acquire.manifest import Asset, address, barred, place, wrong
from facegap.acquire.sources import BusyError, bring
from facegap.errors import AssetError
from facegap.files import whole

WAITS = (5, 30)  # seconds before the sources that were busy are asked again

log = logging.getLogger(__name__)


def fetch_asset(
    name: str,
    asset: Asset,
    target: str | Path,
    *,
    by_hand: str | Path | None = None,
    offline: bool = False,
    accepted: Collection[str] = (),
) -> None:
    """Put the asset called `name` at `target`: from `by_hand`, from the cache, else its sources.

    `asset` is its entry in config/assets.yaml, `by_hand` a file that the user has put there,
    `accepted` as in `cached`. The bytes count only when kind, size and sha256 are right. Raises
    `AssetError` with each source's reason and where to put the file by hand.
    """
    if by_hand is not None:
        if fault := wrong(Path(by_hand), asset):
            raise AssetError(f"{by_hand} is not the file that was published: {fault}; get it again")
        _copy(Path(by_hand), target)
        return
    kept = cached(name, asset, offline=offline, accepted=accepted)
    _copy(kept, target)
    log.info("%s is a copy of %s; delete both to have it fetched again", target, kept)


def cached(
    name: str, asset: Asset, *, offline: bool = False, accepted: Collection[str] = ()
) -> Path:
    """The asset's place in the cache, fetched when it is not there, or not the right file.

    Two jobs that want the same file wait for each other. Nothing is fetched whose terms are not
    among those `accepted`.
    """
    kept = place(name, asset)
    if fault := _fault(kept, asset):
        if offline:
            raise AssetError(f"{fault}, and the study is offline; put {name} there")
        if barred(asset, accepted):
            raise AssetError(
                f"{fault}, and its terms are not accepted: {asset['summary']} Terms:"
                f" {asset['terms']}\nAccept them with accept_terms: [{asset['accept']}], and"
                " facegap fetches it"
            )
        with _alone(kept):
            if _fault(kept, asset):  # another job may have brought it meanwhile
                _download(name, asset, kept)
    return kept


def _copy(source: Path, target: str | Path) -> None:
    with whole(target) as temporary:
        shutil.copyfile(source, temporary)


def _fault(kept: Path, asset: Asset) -> str | None:
    """Why the cache has not the asset, or None if it has."""
    if not kept.is_file():
        return f"{kept} does not exist"
    fault = wrong(kept, asset)
    return fault and f"{kept} is not the file that was published: {fault}"


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


def _download(name: str, asset: Asset, kept: Path) -> None:
    """From each source in turn; those that were busy are asked again, twice."""
    reasons: dict[str, str] = {}
    if kept.is_file():
        reasons[f"what lies at {kept}"] = fault = str(wrong(kept, asset))
        log.warning("%s is fetched again: %s", kept, fault)
    sources = list(asset["sources"])
    for wait in (*WAITS, None):
        busy = []
        for source in sources:
            error = _attempt(source, asset, kept)
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
        + f"\nPut the file by hand at {kept}"
    )


def _attempt(source: dict[str, object], asset: Asset, kept: Path) -> Exception | None:
    """Fetch from one source; why it failed, or None. Half a file waits in the source's own folder.

    So no file is ever put together of two sources' halves.
    """
    own = hashlib.sha256(repr(source).encode()).hexdigest()[:8]
    arriving = kept.parent / f".{kept.name}.{own}" / kept.name
    try:
        arriving.parent.mkdir(parents=True, exist_ok=True)
        bring(source, arriving)
        if fault := wrong(arriving, asset):
            raise AssetError(fault)
        if "sha256" not in asset:
            with arriving.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            why = asset.get("unverified", "no hash is known")
            log.warning("%s: %s; the sha256 of what came is %s", kept.name, why, found)
        arriving.replace(kept)
    except Exception as error:  # three libraries and the network raise what they will
        arriving.unlink(missing_ok=True)
        if not list(arriving.parent.glob("*.part")):
            shutil.rmtree(arriving.parent, ignore_errors=True)
        return error
    shutil.rmtree(arriving.parent, ignore_errors=True)
    return None
