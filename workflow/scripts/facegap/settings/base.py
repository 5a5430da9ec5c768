"""What all sections of the settings share."""

import os
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from facegap.errors import shown

LONGEST = 255  # bytes of a name in a folder, on every file system in use


class Unique:
    """Refuses a list in which a value stands twice: `Annotated[list[str], Unique()]`."""

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Checks after the list's own checks."""
        return core_schema.no_info_after_validator_function(_unique, handler(kind))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """What editors read."""
        return {**handler(schema), "uniqueItems": True}


def _unique(values: list[Any]) -> list[Any]:
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ValueError(f"{value!r} stands twice")
    return values


def _folder(given: str) -> str:
    expanded = os.path.expanduser(given)  # noqa: PTH111, which would raise for an unknown home
    if expanded.startswith("~"):
        raise ValueError(f"{given!r} names a home that is not known; write the whole path")
    return _spelled(expanded)


def _below(given: str) -> str:
    path = _spelled(given)
    away = os.path.isabs(given) or os.path.expanduser(given) != given  # noqa: PTH111, PTH117
    if away or path.split("/")[0] == "..":
        raise ValueError(f"{given!r} is not below data_root; move it there, or link it there")
    return path


def _spelled(path: str) -> str:
    """A path as Snakemake wants to have it, in which it knows no pattern."""
    if signs := sorted(set(path) & set("{}<>\n\0")):
        raise ValueError(
            f"{path!r} has the sign {signs[0]!r}, which no path here can have; rename it"
        )
    if any(len(os.fsencode(part)) > LONGEST for part in path.split("/")):
        raise ValueError(f"{shown(path)} has a name of more than {LONGEST} bytes; shorten it")
    return os.path.normpath(path)


Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$")]
Text = Annotated[str, Field(min_length=1)]
Folder = Annotated[Text, AfterValidator(_folder)]  # ~ is the user's home
Below = Annotated[Text, AfterValidator(_below)]  # a file or folder below data_root
Word = str | int  # a value in somebody else's file
Words = Annotated[list[Word], Field(min_length=1), Unique()]


class Section(BaseModel):
    """A part of the settings; an unknown key and a value of another type are refused.

    Models refuse and never change a value, so results depend on values alone; paths alone are
    spelled in one way.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_by_name=True,
        serialize_by_alias=True,
    )


def paper(section: str) -> dict[str, Any]:
    """Where in the paper a setting comes from, for `Field(json_schema_extra=...)`."""
    return {"paper": section}


def refuse(problems: Iterable[tuple[tuple[str, ...], str]]) -> None:
    """Raise one error for all of `problems` (keys below this model, words), if there are any."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("impossible", "{words}", {"words": words}),
            loc=keys,
            input=None,
        )
        for keys, words in problems
    ]
    if details:
        raise ValidationError.from_exception_data("impossible", details)
