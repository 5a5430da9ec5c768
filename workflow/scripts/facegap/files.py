"""Files written whole or not at all."""

import errno
import glob
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facegap.errors import DataError

MOST_WAYS = 100  # through links into one folder
UNWRITABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EEXIST, errno.EISDIR),
}


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` (same suffix), renamed to it when the block succeeds.

    The block may make a file or a folder. When it raises, or the process dies, `path` is as it
    was before; what a killed process left of its attempt goes when the next one begins on the same
    host. An unwritable place is a `DataError` that names it.
    """
    path = Path(path)
    temporary = _part(path, f"{_here()}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission to write", str(path.parent))
        remove_parts_of_the_dead(path)
        yield temporary
        if temporary.is_file():
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        if error.errno in UNWRITABLE:
            raise DataError(f"cannot write {path}: {error}") from error
        raise
    finally:
        _remove(temporary)


def _part(path: Path, writer: str) -> Path:
    return path.with_name(f".{path.stem}.{writer}.part{path.suffix}")


def _here() -> str:
    """Where a process's number means this process: the host, and there the PID namespace.

    On shared files a writer on another node, or in another container, is not to be seen among the
    processes here, and is at work all the same.
    """
    namespace = Path("/proc/self/ns/pid")
    return f"{platform.node()}-{namespace.stat().st_ino if namespace.exists() else 0}"


def remove_parts_of_the_dead(path: Path) -> None:
    """Remove what processes of this host that were killed left of their attempts at `path`."""
    before, after = _part(path, f"{_here()}-|").name.split("|")
    for part in path.parent.glob(f"{glob.escape(before)}*{glob.escape(after)}"):
        process = part.name.removeprefix(before).removesuffix(after)
        if process.isdigit() and not _alive(int(process)):
            _remove(part)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif path.exists():
        path.unlink()


def write_json(value: Any, path: str | Path) -> None:
    """`value` as indented JSON with sorted keys; NaN is refused, since JSON has none."""
    with whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """The value in the JSON file at `path`; a `DataError` names a file that is none."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable as JSON: {error}") from error


def files_below(folder: str | Path) -> list[str]:
    """The paths in `folder` of all files below it (posix), sorted, without hidden ones.

    Links are followed; one to a folder that it lies in leads to nothing new, and is left out. A
    `DataError` names a folder that cannot be read, and one that links lead into over and over.
    """
    found: list[str] = []
    ways = Counter[tuple[int, int]]()
    waiting = [(str(folder), "", frozenset[tuple[int, int]]())]
    while waiting:
        place, inside, above = waiting.pop()
        try:
            status, entries = os.stat(place), list(os.scandir(place))  # noqa: PTH116
        except OSError as error:
            raise DataError(f"{place}: the folder is not readable: {error.strerror}") from error
        own = (status.st_dev, status.st_ino)
        if own in above:
            continue
        ways[own] += 1
        if ways[own] > MOST_WAYS:
            raise DataError(
                f"{place}: links lead into this folder in more than {MOST_WAYS} ways; remove those"
                " that go round"
            )
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                waiting.append((entry.path, f"{inside}{entry.name}/", above | {own}))
            else:
                found.append(inside + entry.name)
    return sorted(found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
