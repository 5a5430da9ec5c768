"""A rule's names as the arguments of a library function, and one log a job.

Scripts import it first: loading torch makes a million objects that all stay, and looking through
them every 700, as Python does by itself, takes half a second of each job, and more as it works.
"""

import gc
import inspect
import logging
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, Protocol, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from facegap.errors import FacegapError

# and the wildcards: for functions that ask for them; data_root may move, so it is no param
ON_OFFER = {"threads", "operations", "data_root"}

log = logging.getLogger(__name__)
gc.set_threshold(50_000, *gc.get_threshold()[1:])


class Named(Protocol):
    """Snakemake's lists of files, wildcards or params; what has no name is no argument."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and values."""


class Job(Protocol):
    """The parts of a script's `snakemake` that are read here."""

    input: Named
    output: Named
    params: Named
    wildcards: Named
    threads: int
    log: list[str]
    config: dict[str, Any]
    rule: str


def run(function: Callable[..., None], job: Job) -> None:
    """Call `function` with what its rule names; all that the process prints goes to the log."""
    redirect_output(job.log[0])
    function(**arguments(function, job))


def arguments(function: Callable[..., None], job: Job) -> dict[str, Any]:
    """The keyword arguments of `function`, built from the job by the annotations.

    Raises `TypeError` naming each argument that is missing, too many, or of another kind.
    """
    passed = [item for part in (job.input, job.output, job.params) for item in part.items()]
    offered = {
        **dict(job.wildcards.items()),
        "threads": job.threads,
        "operations": job.config.get("operations", {}),
        "data_root": job.config.get("data_root", ""),
    }
    _refuse(mismatches(function, [name for name, _ in passed], offered), function, job)
    values, problems = offered | dict(passed), []
    hints = get_type_hints(function, include_extras=True)
    names = list(inspect.signature(function).parameters)
    for name in names:
        try:
            values[name] = convert(values[name], hints[name])
        except ValidationError as error:
            problems += [f"{name}: {_message(problem)}" for problem in error.errors()]
    _refuse(problems, function, job)
    return {name: values[name] for name in names}


def mismatches(
    function: Callable[..., None], passed: Iterable[str], offered: Iterable[str]
) -> list[str]:
    """What differs between a function's parameters and the names of a rule.

    Inputs, outputs and params are passed, so each has to be a parameter; wildcards are on offer.
    """
    parameters = set(inspect.signature(function).parameters)
    passed, offered = Counter(passed), set(offered) | ON_OFFER
    twice = [name for name, times in passed.items() if times > 1 or name in offered]
    return [
        *(f"{name}: given twice" for name in sorted(twice)),
        *(f"{name}: missing in the rule" for name in sorted(parameters - offered - set(passed))),
        *(f"{name}: no argument of the function" for name in sorted(set(passed) - parameters)),
    ]


def convert(value: Any, annotation: Any) -> Any:
    """A rule's value as the annotation wants it: Path, list[Path], Path | None, int, a model ...

    An input that may be absent is a list of no or one file to Snakemake, and `Path | None` here.
    """
    if NoneType in get_args(annotation) and isinstance(value, list) and len(value) < 2:
        value = value[0] if value else None
    return TypeAdapter(annotation).validate_python(value)


def redirect_output(path: str) -> None:
    """Send stdout and stderr to `path`: C++ libraries, workers, tracebacks and all.

    The logs of the two attempts before this one stay beside it, as `<path>.1` and `<path>.2`.
    """
    for newer, older in ((f"{path}.1", f"{path}.2"), (path, f"{path}.1")):
        with suppress(FileNotFoundError):
            Path(newer).replace(older)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(file, 1)
    os.dup2(file, 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", force=True)
    sys.excepthook = _show
    log.info("on %s", platform.node())


def _refuse(problems: list[str], function: Callable[..., None], job: Job) -> None:
    if problems:
        name = getattr(function, "__name__", str(function))
        raise TypeError(f"rule {job.rule} does not fit {name}: {'; '.join(problems)}")


def _message(problem: Any) -> str:
    place = "".join(f"{part}: " for part in problem["loc"])
    return f"{place}{problem['msg']}, not {problem['input']!r}"


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show an error that a user can mend as its message alone, any other with its traceback."""
    if isinstance(error, FacegapError):
        print(f"{kind.__name__}: {error}", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)
