"""The workflow's rules as Snakemake parses them, for tests of the conventions; no job is run."""

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import combinations
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ValidationError
from snakemake.api import SnakemakeApi
from snakemake.iocontainers import Namedlist
from snakemake.settings.types import ConfigSettings, ResourceSettings

from facegap.job import convert, mismatches

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow/scripts"
LIBRARY = SCRIPTS / "facegap"
Function = Callable[..., None]


def rules_of(folder: Path, configuration: Path) -> list[Any]:
    """The rules with a script of the workflow in `folder`.

    `_workflow` is the one private member of Snakemake that is used here; checked with 9.27.1.
    """
    with SnakemakeApi() as api:
        parsed = api.workflow(
            ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[configuration]),
            snakefile=folder / "Snakefile",
            workdir=folder,
        )
        return [rule for rule in parsed._workflow.rules if rule.script]


def function_of(rule: Any) -> Function:
    """The library function of a rule: its script's, or, of a figure, the registry's."""
    script = SCRIPTS / Path(rule.script).name
    _, *imports, call = ast.parse(script.read_text()).body
    named = {
        alias.name: node.module
        for node in imports
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    first = call.value.args[0]
    if isinstance(first, ast.Call):  # plot_of(snakemake.rule)
        assert isinstance(first.func, ast.Name)
        find = getattr(import_module(str(named[first.func.id])), first.func.id)
        found: Function = find(rule.name)
        return found
    assert isinstance(first, ast.Name)
    function: Function = getattr(import_module(str(named[first.id])), first.id)
    return function


def problems_of(rule: Any) -> Iterator[str]:
    """What differs between a rule and the signature of its function."""
    function = function_of(rule)
    hints = get_type_hints(function, include_extras=True)
    files = [*rule.input.items(), *rule.output.items()]
    params = list(rule.params.items())
    yield from mismatches(function, [name for name, _ in files + params], rule.wildcard_names)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind != parameter.KEYWORD_ONLY or parameter.default != parameter.empty:
            yield f"{parameter.name}: has to be a keyword without a default"
    for name, value in files + params:  # functions and lookups have no value before a job
        if name in hints and not callable(value):
            try:
                convert(value, hints[name])
            except ValidationError as error:
                yield f"{name}: {error.errors()[0]['msg']}"
    module = f"{function.__module__.removeprefix('facegap.').replace('.', '/')}.py"
    if not any(module in value for value in rule.params if isinstance(value, dict)):
        yield f"params have no code_of {module}"
    named = sum(len(value) if type(value) is Namedlist else 1 for _, value in files)
    if named < len(rule.input) + len(rule.output):
        yield "a file has no name"


def exchangeable(rule: Any) -> list[tuple[str, str]]:
    """Pairs of params each of which may have the value of the other.

    Snakemake compares params as a set of texts without names, so it would not see an exchange.
    """
    hints = get_type_hints(function_of(rule), include_extras=True)
    known = [(name, value) for name, value in rule.params.items() if name in hints]

    def fits(value: Any, name: str) -> bool:
        if callable(value):  # looked up by wildcard: of the kind that its annotation says
            return True
        try:
            convert(value, hints[name])
        except ValidationError:
            return False
        return True

    return [
        (one, two)
        for (one, a), (two, b) in combinations(known, 2)
        if fits(a, two) and fits(b, one) and _alike(hints[one], hints[two])
    ]


def _alike(one: Any, two: Any) -> bool:
    """Whether two annotations are of the same type, which a looked-up value would then fit."""
    return bool(one == two)
