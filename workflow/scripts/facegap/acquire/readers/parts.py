"""What the readers share: lists of images, tables of text, and what they refuse."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from facegap.decoding import FORMATS
from facegap.errors import DataError, shown
from facegap.images import open_images
from facegap.names import one_form
from facegap.spreadsheets import as_numbers
from facegap.texts import read_text

IMAGE = re.compile(r"\.(jpe?g|jpe|jfif|png|webp|bmp|tiff?|gif|ppm)$", re.IGNORECASE)
OLDEST = 150  # years
NO_IMAGE = "not an image by its name"
UNREAD = f"its name is not of a format that is read ({', '.join(FORMATS)}); convert it"
Rejected = dict[str, str | None]


@dataclass(frozen=True)
class Collection:
    """What a reader found: the faces (columns of FACES but face_id and split), and the rest."""

    faces: pd.DataFrame
    rejected: list[Rejected]
    source: str
    licence: str


def stem(path: str) -> str:
    """The name of an image without its endings; UTKFace's has two."""
    name = PurePosixPath(path).name
    return name.removesuffix(".jpg.chip.jpg").split(".")[0] if "." in name else name


def rejected_row(path: str, reason: str) -> Rejected:
    """A row of REJECTED."""
    return {"path": path, "face_id": None, "reason": reason}


def rejected_rows(rejected: Mapping[str, str]) -> list[Rejected]:
    """Rows of REJECTED, of reasons by path."""
    return [rejected_row(path, reason) for path, reason in rejected.items()]


def reasons(rejected: Sequence[Rejected]) -> str:
    """How many were rejected and why, with the first few of each, for the end of a message."""
    paths: dict[str | None, list[str | None]] = {}
    for row in rejected:
        paths.setdefault(row["reason"], []).append(row["path"])
    words = [
        f"; {len(some)} rejected, {reason}: {', '.join(map(str, some[:3]))}"
        + (", ..." if some[3:] else "")
        for reason, some in list(paths.items())[:5]
    ]
    return "".join(words)


def images_in(place: str | Path) -> tuple[list[str], dict[str, str]]:
    """The files at `place` with an image's name, and why each other one is rejected."""
    with open_images(place) as images:
        names = images.names()
    found, rejected = [], {}
    for name in names:
        if re.search("[\ud800-\udfff]", name):  # Python puts these for bytes that are not UTF-8
            shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            rejected[shown] = "name is not UTF-8; rename it"
        elif IMAGE.search(name):
            found.append(name)
        else:
            rejected[name] = NO_IMAGE
    if not found:
        raise DataError(f"{place}: no image in it{reasons(rejected_rows(rejected))}")
    return found, rejected


def by_name(
    paths: Iterable[str], name_of: Callable[[str], str], place: str | Path
) -> dict[str, str]:
    """The paths by the names that the labels have; two of one name are refused."""
    found: dict[str, str] = {}
    for path in paths:
        name = name_of(path)
        if name in found:
            raise DataError(
                f"{place}: {found[name]} and {path} are both {name} to the labels; keep one, or"
                " name its folder as the images"
            )
        found[name] = path
    return found


def two_columns(path: str | Path) -> dict[str, str]:
    """File name to value, of CelebA's identities and partitions."""
    rows = [line.split() for line in lines_of(path)]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise DataError(f"{path}, line {number}: a file name and a number belong here")
    refuse_duplicates(pd.Index([row[0] for row in rows]), path)
    return dict(rows)


def refuse_duplicates(names: pd.Index, path: str | Path) -> None:
    """Raise `DataError` where a name has two rows."""
    if names.has_duplicates:
        raise DataError(f"{path}: {names[names.duplicated()][0]} has two rows")


def refuse_ours(names: Iterable[str], ours: Iterable[str], place: str | Path) -> None:
    """Raise `DataError` where a data set's column has the name of one of facegap's own."""
    for name in sorted(set(names) & set(ours)):
        raise DataError(
            f"{place}: {name} is a column that facegap itself puts into the table of faces; rename"
            " yours"
        )


def lines_of(path: str | Path) -> list[str]:
    """The lines of a text file that are not empty, in one form."""
    return [line.strip() for line in one_form(read_text(path)).splitlines() if line.strip()]


def numbers(
    table: pd.DataFrame,
    name: str,
    path: str | Path,
    allowed: Callable[[float], bool],
    words: str,
) -> pd.Series:
    """A column as numbers, each of which has to be `allowed`, or missing."""
    values = as_numbers(table[name])
    wrong: Iterable[int] = np.flatnonzero(
        table[name].notna() & ~values.map(allowed, na_action=None)
    )
    for row in wrong:
        raise DataError(
            f"{path}, row {table.index[row]}: {name} is {shown(table[name].iloc[row])}, allowed:"
            f" {words}"
        )
    return values
