"""One log per job: everything the process and its children print goes to one file."""

import logging
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from facegap.errors import FacegapError


def log_to(path: str) -> None:
    """Send stdout and stderr to `path`: C++ libraries, workers, tracebacks and all.

    What the two attempts before this one said stays beside it, in `<path>.1` and `<path>.2`.
    """
    for newer, older in ((f"{path}.1", f"{path}.2"), (path, f"{path}.1")):
        with suppress(FileNotFoundError):
            Path(newer).replace(older)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", force=True)
    sys.excepthook = _say
    logging.getLogger(__name__).info("on %s", platform.node())


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error that a user can mend is its message alone; any other keeps its traceback."""
    if isinstance(error, FacegapError):
        print(f"{kind.__name__}: {error}", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)
