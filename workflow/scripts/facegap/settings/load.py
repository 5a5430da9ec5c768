"""From a configuration to the settings of a study, or to all that is wrong with it."""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from facegap.errors import ConfigError, DataError
from facegap.settings.renamed import new_name
from facegap.settings.study import Study
from facegap.texts import read_text

LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast
MOST_PARTS, DEEPEST = 100_000, 100  # keys and values; the paper's configuration has 300 and 7
Keys = tuple[str, ...]


class Once(LOADER):  # type: ignore[valid-type,misc]
    """Reads YAML in which no mapping has a key twice, of which the last alone would be read."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping at `node`. Raises `ConfigError` where a key stands twice."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key.value, str) and key.value != "<<":
                line = key.start_mark.line + 1
                raise ConfigError(f"line {line}: the key {key.value} stands twice; keep one")
            seen.add(key.value if isinstance(key.value, str) else id(key))
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def load(given: Mapping[str, Any]) -> Study:
    """The study that a configuration describes, complete with every default.

    Raises `ConfigError` naming every key that is unknown, renamed, of a wrong value, or impossible
    beside another, and what is allowed there.
    """
    renamed = dict(_renamed(given, ()))
    problems = [f"{'.'.join(keys)}: {words}" for keys, words in renamed.items()]
    try:
        study = Study.model_validate(given)
    except ValidationError as error:
        problems += _problems(error, given, renamed)
    if problems:
        raise ConfigError("the configuration cannot be used:\n  " + "\n  ".join(problems))
    return study


def read_study(path: str | Path) -> Study:
    """The study in the YAML file at `path`; a `ConfigError` names a file that is none."""
    return load(read_given(path))


def read_given(path: str | Path) -> dict[str, Any]:
    """The keys of the YAML file at `path`, of which each stands once. Raises `ConfigError`."""
    try:
        text = read_text(path)
        _require_small(text, path)
        given = yaml.load(text, Once)
    except DataError as error:
        raise ConfigError(str(error)) from error
    except ConfigError as error:
        words = str(error)
        raise ConfigError(words if str(path) in words else f"{path}, {words}") from error
    except (ValueError, LookupError, AttributeError, yaml.YAMLError) as error:  # of odd tags
        raise ConfigError(f"{path}: not readable: {error}") from error
    if not isinstance(given, dict) or not given:
        raise ConfigError(f"{path}: no configuration, which is a mapping of keys to values")
    return given


def _require_small(text: str, path: str | Path) -> None:
    """Refuse what has more parts, aliases counted as what they stand for, or deeper ones, than any
    configuration: nothing is built before that is known.
    """
    sizes, opened = dict[str, int](), list[tuple[str | None, int]]()
    total = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.AliasEvent):
            total += sizes.get(str(event.anchor), MOST_PARTS)  # of one that is open: without end
        elif isinstance(event, yaml.NodeEvent):
            opened.append((event.anchor, total))
            total += 1
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionEndEvent) and opened:
            anchor, before = opened.pop()
            if anchor:
                sizes[anchor] = total - before
        if total >= MOST_PARTS or len(opened) > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigError(
                f"{path}, line {line}: more than {MOST_PARTS} parts, or deeper"
                f" than {DEEPEST}, as no configuration is; are its aliases (*) right?"
            )


def _renamed(given: Any, place: Keys) -> Iterator[tuple[Keys, str]]:
    """Keys that an earlier version had, and what they are called now."""
    for key, value in given.items() if isinstance(given, Mapping) else ():
        here = (*place, str(key))
        if new := new_name(".".join(here), value):
            yield here, new
        else:
            yield from _renamed(value, here)


def _problems(
    error: ValidationError, given: Mapping[str, Any], known: Mapping[Keys, str]
) -> Iterator[str]:
    """A line for each place that is wrong, whatever alternatives there were to it.

    Places in and below `known` are left out.
    """
    from facegap.settings.reference import keys_at  # loaded only for a message

    unknown: dict[Keys, list[str]] = defaultdict(list)
    places: dict[Keys, list[Any]] = defaultdict(list)
    for problem in error.errors(include_url=False):
        keys = _keys(problem["loc"], given)
        if any(keys[: len(place)] == place for place in known):
            continue
        if problem["type"] in ("extra_forbidden", "invalid_key"):
            above = _keys(problem["loc"][:-1], given)
            unknown[above].append(keys[-1] if len(keys) > len(above) else str(problem["loc"][-1]))
        else:
            places[keys].append(problem)
    for keys, names in unknown.items():
        allowed = ", ".join(keys_at(keys))
        place = ".".join(keys) or "top level"
        yield f"{place}: unknown key {', '.join(dict.fromkeys(names))}; allowed: {allowed}"
    for keys, problems in places.items():
        if keys not in unknown:  # else an alternative to the mapping with the unknown key
            yield f"{'.'.join(keys) or 'top level'}: {_words(keys, problems)}"


def _words(keys: Keys, problems: list[Any]) -> str:
    """What is wrong at one place, and what is allowed there."""
    from facegap.settings.reference import allowed, section_at

    first = problems[0]
    if first["type"] == "missing":
        return "has to be given"
    if first["type"] in ("impossible", "value_error"):
        return "; ".join(problem["msg"].removeprefix("Value error, ") for problem in problems)
    if first["type"] == "string_pattern_mismatch":  # of a name that is the user's, too
        words = f"text that fits {first['ctx']['pattern']}"
    elif first["type"] == "string_too_short":
        words = "text that is not empty"
    else:
        words = allowed(section_at(keys))
    value = first["input"]
    is_text = any(problem["type"] == "string_type" for problem in problems)
    if is_text and isinstance(value, int | float | date):
        words += "; text that looks like a number, a date, yes or no needs quotes"
    shown = "this mapping" if isinstance(value, Mapping) else repr(value)
    return f"{shown} is not allowed; allowed: {words}"


def _keys(loc: tuple[str | int, ...], given: Any) -> Keys:
    """The keys to a problem, without what pydantic puts between them for alternatives."""
    from facegap.settings.reference import keys_at

    keys: list[str] = []
    for part in loc:
        if isinstance(given, Mapping) and part in given:
            part = next(key for key in given if key == part)  # True, where pydantic has 1
            given = given[part]
        elif isinstance(given, list) and isinstance(part, int) and part < len(given):
            given = given[part]
        elif part not in keys_at(keys):
            continue
        keys.append(str(part))
    return tuple(keys)


def main(path: str) -> None:
    """End with what is wrong with a file, if it is no YAML mapping that Snakemake can read."""
    try:
        read_given(path)
        Path(path).read_text("utf-8")  # as Snakemake does
    except UnicodeDecodeError:
        sys.exit(f"{path}: not UTF-8; save it as UTF-8")
    except ConfigError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main(sys.argv[1])
