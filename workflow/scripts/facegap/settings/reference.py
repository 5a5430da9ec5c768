"""The settings as files: a JSON schema for editors, and docs/settings.md for people.

`python -m facegap.settings.reference` writes both; a test holds them current.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from facegap.settings.study import Study

ROOT = Path(__file__).parents[4]
BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "from",
    "maximum": "to",
    "exclusiveMaximum": "below",
}
TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false"}
HEAD = """# Settings

Every key of a study's configuration, in the order of the stages. Written by
`python -m facegap.settings.reference`; the models are in `workflow/scripts/facegap/settings/`.
"Paper" is the section that a value comes from. An unknown key and a value that is not allowed stop
a study before its first job.
"""
TABLE = ["| key | what | default | allowed | paper |", "|---|---|---|---|---|"]
Schema = dict[str, Any]


@cache
def schema() -> Schema:
    """The JSON schema of a configuration."""
    return Study.model_json_schema()


def files() -> dict[Path, str]:
    """Texts by path."""
    return {
        ROOT / "workflow/schemas/config.schema.json": json.dumps(schema(), indent=1) + "\n",
        ROOT / "docs/settings.md": markdown(),
    }


def section_at(keys: Iterable[str]) -> Schema:
    """The part of the schema at a place of the configuration; empty where there is none."""
    part = schema()
    for key in keys:
        below = [inner for option in _options(part) for inner in _below(option, key)]
        part = _resolved(below[0]) if below else {}
    return part


def keys_at(keys: Iterable[str]) -> list[str]:
    """The keys that have a name of their own at a place of the configuration."""
    return [key for option in _options(section_at(keys)) for key in option.get("properties", {})]


def settings_of(part: Schema, name: str = "") -> Iterator[tuple[str, Schema]]:
    """Every section and setting below a part of the schema, by its dotted name."""
    for option in _options(part):
        for key, unresolved in option.get("properties", {}).items():
            here = f"{name}.{key}".lstrip(".")
            needed = {"needed": True} if key in option.get("required", []) else {}
            yield here, _resolved(unresolved) | needed
            yield from settings_of(unresolved, here)
        for value in _values(option):
            yield from settings_of(value, f"{name}.<name>")


def markdown() -> str:
    """A table a section of all settings."""
    lines = [HEAD, "## The study", "", *TABLE]
    sections: list[str] = []
    for name, part in settings_of(schema()):
        section = any(option.get("properties") or _values(option) for option in _options(part))
        if "." not in name and section:
            sections += ["", f"## `{name}`", "", _words(part), "", *TABLE]
        elif "." in name:
            sections.append(_line(name, part))
        else:
            lines.append(_line(name, part))
    return "\n".join([*lines, *sections]) + "\n"


def allowed(part: Schema) -> str:
    """The values that a setting may have, in words."""
    part = _resolved(part)
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(map(allowed, part["anyOf"])))
    if "const" in part:
        return str(part["const"])
    if "enum" in part:
        return " or ".join(map(str, part["enum"]))
    if part.get("type") == "array":
        least, most = part.get("minItems", 0), part.get("maxItems")
        count = f" {most}" if least == most else f" at least {least}" if least else ""
        return f"list of{count}: {allowed(part['items'])}"
    if part.get("type", "object") == "object":
        return "mapping" + " that is not empty" * ("minProperties" in part)
    if "pattern" in part:
        return f"text that fits `{part['pattern']}`"
    bounds = [f"{word} {part[key]:g}" for key, word in BOUNDS.items() if key in part]
    return " ".join([TYPES.get(part["type"], str(part["type"])), *bounds])


def _line(name: str, part: Schema) -> str:
    default = "has to be given" if "needed" in part else ""
    if "default" in part:
        default = f"`{json.dumps(part['default'])}`"
    row = [f"`{name}`", part["description"], default, allowed(part), part.get("paper", "")]
    return "| " + " | ".join(text.replace("|", "\\|") for text in row) + " |"


def _words(part: Schema) -> str:
    words = str(part["description"])
    return f"{words} Paper {part['paper']}." if "paper" in part else words


def _options(part: Schema) -> list[Schema]:
    """The alternatives of a part, or the part alone."""
    part = _resolved(part)
    return [_resolved(option) for option in part.get("anyOf", [part])]


def _below(part: Schema, key: str) -> list[Schema]:
    """The part below a key, or, of a list, below a number."""
    named = part.get("properties", {}).get(key)
    items = [part["items"]] if "items" in part and key.isdigit() else []
    return [named] if named else [*_values(part), *items]


def _values(part: Schema) -> list[Schema]:
    """What the values of a mapping have to be whose keys are the user's."""
    values = [part.get("additionalProperties"), *part.get("patternProperties", {}).values()]
    return [value for value in values if isinstance(value, dict)]


def _resolved(part: Schema) -> Schema:
    """`part` with what it refers to, and its own words where both have some."""
    if "$ref" not in part:
        return part
    found: Schema = schema()["$defs"][part["$ref"].rsplit("/", 1)[1]]
    return found | {key: value for key, value in part.items() if key != "$ref"}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
