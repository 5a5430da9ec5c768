"""What a file holds, told apart even where its size and time are the same.

Reading all of a data set at each start would take minutes, so what was read is remembered beside
the file's inode and time of last change (ctime), which nobody can set by hand.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from facegap.files import whole

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
    if not look:
        return str(seen[key][1]) if key in seen else _read(path)
    state = _state(path)
    if seen.get(key, [""])[0] != state:
        seen[key] = [state, _read(path)]
        with whole(memory) as temporary:
            temporary.write_text(json.dumps(seen, indent=1, sort_keys=True))
    return str(seen[key][1])


def _remembered(memory: str | Path) -> dict[str, list[str]]:
    try:
        seen = json.loads(Path(memory).read_text())
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


def _files(path: str | Path) -> Iterator[tuple[str, Path]]:
    """Names below a folder and their paths, in order; of a file, itself without a name."""
    path = Path(path)
    if path.is_file():
        yield "", path
    for full in sorted(path.rglob("*")):
        if full.is_file():
            yield str(full.relative_to(path)), full


def _state(path: str | Path) -> str:
    state = hashlib.sha256()
    for name, full in _files(path):
        seen = full.stat()
        times = f"{seen.st_mtime_ns} {seen.st_ctime_ns}"
        state.update(f"{name} {seen.st_size} {times} {seen.st_ino}\n".encode())
    return state.hexdigest()


def _read(path: str | Path) -> str:
    state = hashlib.sha256()
    for name, full in _files(path):
        with full.open("rb") as file:
            state.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return state.hexdigest()
