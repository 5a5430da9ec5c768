"""Digests of the code that results depend on: Snakemake does not look into what a script imports.

Not counted: the scripts, which a test holds to one call; job, which starts a job and computes
nothing; settings, whose values are params; and quantities, whose words no result holds. Of the
streams each file carries those that it names.
"""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from facegap.streams import STREAMS

LIBRARY = Path(__file__).parent
NOT_COUNTED = {
    *(LIBRARY / f"{name}.py" for name in ("job", "streams")),
    *(LIBRARY / f"{name}.py" for name in ("quantities", "crossed_quantities", "quantity")),
    *(LIBRARY / "settings").glob("*.py"),
}
IMPORT = re.compile(  # a syntax tree of each module would take half a second at each start
    r"^ *from (facegap[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE
)
TEMPLATE = re.compile(r'"([\w/.-]+\.(?:j2|css|js))"')  # that a module names, beside it


def digests(modules: Iterable[str]) -> list[dict[str, str]]:
    """The digests of `modules` ("align.shards") and of all files of facegap that they reach.

    Each is a dict of its own, so that the reason to run again names just those that have changed.
    """
    reached = [LIBRARY.joinpath(*module.split(".")).with_suffix(".py") for module in modules]
    for path in reached:
        reached += [file for file in needed(path) if file not in reached]
    return [{path.relative_to(LIBRARY).as_posix(): _digest(path)} for path in reached]


@cache
def needed(path: Path) -> list[Path]:
    """The files of facegap that the Python file at `path` imports, and its templates, in order.

    `from facegap... import` is the one form of import that the project uses.
    """
    if path.suffix != ".py":
        return []
    text, files = path.read_text(), []
    for module, names in IMPORT.findall(text):
        base = LIBRARY.joinpath(*module.split(".")[1:])
        named = [base / name for name in re.findall(r"\w+", names)]
        for place in [base, *named]:
            files += [place.with_suffix(".py"), place / "__init__.py"]
    files += [path.parent / name for name in TEMPLATE.findall(text)]
    return [file for file in dict.fromkeys(files) if file.is_file() and file not in NOT_COUNTED]


@cache
def _digest(path: Path) -> str:
    text = path.read_bytes()
    streams = [(name, words) for name, words in STREAMS.items() if f'"{name}"'.encode() in text]
    return hashlib.sha256(text + repr(streams).encode() * bool(streams)).hexdigest()[:16]
