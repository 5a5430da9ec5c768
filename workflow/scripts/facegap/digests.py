"""What a file holds, told apart even where its size and time are the same.

Reading all of a data set at each start would take minutes, so what was read is remembered beside
the file's inode and time of last change (ctime), which nobody can set by hand.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from facegap.errors import DataError
from facegap.files import files_below, whole

MEMORY = ".snakemake/digests.json"


def contents(paths: Iterable[str], data_root: str, *, look: bool) -> list[str]:
    """The digest of each of `paths` that exists and lies below `data_root`.

    Without `look`, as in the jobs, what the main process remembers is believed.
    """
    own = [path for path in paths if path.startswith(f"{data_root}/") and Path(path).exists()]
    return [_once(path, look) for path in own]


@cache
def _once(path: str, look: bool) -> str:
    return digest(path, MEMORY, look=look)


def digest(path: str | Path, memory: str | Path, *, look: bool = True) -> str:
    """SHA-256 of a file, or of a folder's names and contents; `memory` is a JSON file of them.

    A copy elsewhere has the same digest. An unreadable or foreign `memory` is written anew. Without
    `look` it is believed and left as it is: a copy on another host's disk has other inodes and
    times, and would be read again there for each job.
    """
    key, seen = str(Path(path).absolute()), _remembered(memory)
    if not look and key in seen:
        return str(seen[key][1])
    try:
        files = _files(path)
    except DataError as error:  # the job that reads it says so too
        return hashlib.sha256(str(error).encode()).hexdigest()
    if not look:
        return _read(files)
    state = _state(files)
    if seen.get(key, [""])[0] != state:
        seen[key] = [state, _read(files)]
        with whole(memory) as temporary:
            temporary.write_text(json.dumps(seen, indent=1, sort_keys=True))
    return str(seen[key][1])


def _remembered(memory: str | Path) -> dict[str, list[str]]:
    try:
        seen = json.loads(Path(memory).read_text())
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


def _files(path: str | Path) -> list[tuple[str, Path]]:
    """Names below a folder and their paths, in order; of a file, itself without a name."""
    path = Path(path)
    if path.is_file():
        return [("", path)]
    return [(name, path / name) for name in files_below(path) if (path / name).is_file()]


def _state(files: Iterable[tuple[str, Path]]) -> str:
    state = hashlib.sha256()
    for name, full in files:
        seen = full.stat()
        times = f"{seen.st_mtime_ns} {seen.st_ctime_ns}"
        line = f"{name} {seen.st_size} {times} {seen.st_ino}\n"
        state.update(os.fsencode(line))
    return state.hexdigest()


def _read(files: Iterable[tuple[str, Path]]) -> str:
    state = hashlib.sha256()
    for name, full in files:
        try:
            with full.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:  # a picture that nobody may read is listed where it is aligned
            content = str(error.strerror)
        state.update(os.fsencode(f"{name} {content}\n"))
    return state.hexdigest()
