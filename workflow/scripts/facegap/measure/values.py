"""What each face, or group of persons, gives to each measure of realism, as a file."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from facegap.errors import DataError
from facegap.files import whole
from facegap.groups import group_values
from facegap.measure.gaps import Scores
from facegap.quantity import PRIMARY
from facegap.tables.base import DOMAINS


class Measure(NamedTuple):
    """A measure of one group of images: all attributes (None) or one; columns of ESTIMATES."""

    metric: str
    attribute: str | None
    group: str


NAMES = {  # of the settings
    "kernel distance": ("KID", "classifier kernel distance"),
    "Frechet distance": ("FID", "classifier Frechet distance"),
}
Values = Mapping[Measure, Mapping[str, Scores]]  # by domain


def write_values(measures: Iterable[tuple[Measure, Mapping[str, Scores]]], path: Path) -> None:
    """Write the scores of both domains; `read_values` reads them."""
    about = []
    arrays: dict[str, NDArray[Any]] = {}
    for k, (measure, scores) in enumerate(measures):
        sizes = {domain: [of.faces, of.persons] for domain, of in scores.items()}
        about.append([list(measure), sizes])
        for domain, of in scores.items():
            arrays[f"{k} {domain} values"], arrays[f"{k} {domain} person"] = of.values, of.person
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with whole(path) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)


def read_values(path: Path) -> Values:
    """The scores by measure and domain; a `DataError` names a damaged file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            return {
                Measure(*measure): {
                    domain: Scores(
                        *(arrays[f"{k} {domain} {name}"] for name in ("values", "person")),
                        *sizes[domain],
                    )
                    for domain in DOMAINS
                }
                for k, (measure, sizes) in enumerate(about)
            }
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise DataError(f"{path}: not readable as values of measures: {error}") from error


def named(primary: Sequence[str]) -> set[str]:
    """The metrics that the settings call `primary`, with or without Inception's weights."""
    return {name for given in primary for name in NAMES.get(given, (given,))}


def family(measure: Measure, primary: set[str]) -> str:
    """The tests that a gap's is adjusted with: all of a table of the page."""
    if measure.attribute:
        return "realism by attribute"
    if factors := group_values(measure.group):
        return f"realism by {next(iter(factors))}"
    return PRIMARY if measure.metric in primary else "further realism"
