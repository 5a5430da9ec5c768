"""CSV as people's programs write it: read in one way wherever a user's table is read.

What is certain is decoded: marks of UTF-8 and UTF-16, semicolons or tabs where the header has no
comma, Excel's line `sep=;`, empty cells beyond the header, decimal commas, and true and false in
the words of spreadsheets. All else is a `DataError` that names the line.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from facegap.errors import DataError, listed
from facegap.names import one_form
from facegap.texts import as_text, read_text

SEPARATOR = re.compile(r'"?sep=([^\w\s"]|\t)"?\r?\n', re.IGNORECASE)
TRUE = ("true", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "prawda", "sant")
FALSE = ("false", "falsch", "faux", "falso", "onwaar", "fałsz", "falskt")
WIDEST = 2_000  # columns
MOST_LACKING = 5_000_000  # cells, over all rows that end before the header does
DECIMAL = r"^([+-]?(?:0(?=,)|\d+(?!,\d{3}$))),(\d+(?:[eE][+-]?\d+)?)$"  # 1,234 may be a thousand


def read_csv(path: str | Path, data: bytes | None = None) -> pd.DataFrame:
    """The table at `path`, all text, by the names of its header; an empty cell is missing.

    Where `path` is in an archive, `data` is the file.

    Nothing else is missing: NA and null are words. The index has the line of each row. Columns
    without a name and a cell are left out; other columns without a name, and two of one name, are
    refused, and so are rows with more cells than the header. A small file makes no large table:
    more than WIDEST columns are refused, and more than MOST_LACKING cells that rows lack.
    """
    text = one_form(read_text(path) if data is None else as_text(data, path))
    skipped = SEPARATOR.match(text)
    body = text[skipped.end() :] if skipped else text
    header = body[: body.find("\n") + 1] or body
    delimiter = skipped[1] if skipped else _delimiter(header)
    rows = _rows(path, body, delimiter, 2 if skipped else 1)
    _, names = next(rows, (0, []))
    if not any(names):
        raise DataError(f"{path}: not readable as CSV: no header; the first line names the columns")
    if len(names) > WIDEST:
        raise DataError(
            f"{path}: {len(names)} columns, and no table here has more than {WIDEST}; leave out"
            " those that are not needed"
        )
    lines, fields, lacking = [], [], 0
    for line, row in rows:
        if any(row[len(names) :]):
            raise DataError(
                f"{path}, line {line}: {len(row)} fields, and the header has {len(names)}; put a"
                f" text that has a {delimiter!r} in quotes"
            )
        lacking += max(0, len(names) - len(row))
        if lacking > MOST_LACKING:
            raise DataError(
                f"{path}, line {line}: too many rows end long before the last of {len(names)}"
                " columns; leave out the columns that hold nothing"
            )
        lines.append(line)
        fields.append(row[: len(names)] + [""] * (len(names) - len(row)))
    table = pd.DataFrame(fields, columns=range(len(names)), index=lines, dtype="str")
    return _named(table.where(table != ""), names, path)


def as_numbers(column: "pd.Series[str]") -> "pd.Series[float]":
    """A column as numbers, with a point or a decimal comma; missing where it has no number."""
    pointed = column.astype("str").str.strip().str.replace(DECIMAL, r"\1.\2", regex=True)
    return pd.to_numeric(pointed, errors="coerce")


def as_flags(column: "pd.Series[str]") -> "pd.Series[str]":
    """A column of text in which a spreadsheet's words for true and false are 1 and 0."""
    words = {**dict.fromkeys(TRUE, "1"), **dict.fromkeys(FALSE, "0")}
    found = column.str.strip().str.lower().map(words)
    return column.where(found.isna(), found)


def _delimiter(header: str) -> str:
    """The comma, unless the header has none: then the semicolon or tab that it has."""
    bare = re.sub(r'"[^"]*"', "", header)
    return next((sign for sign in (",", ";", "\t") if sign in bare), ",")


def _rows(
    path: str | Path, text: str, delimiter: str, first: int
) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line that it begins in."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    line = 0
    try:
        for row in reader:
            if any(row):
                yield first + line, row
            line = reader.line_num
    except csv.Error as error:
        raise DataError(f"{path}: not readable as CSV: line {first + line}: {error}") from error


def _named(table: pd.DataFrame, names: list[str], path: str | Path) -> pd.DataFrame:
    used = [k for k, name in enumerate(names) if name or table[k].notna().any()]
    for k in used:
        if not names[k]:
            raise DataError(f"{path}: column {k + 1} has no name in the header; give it one")
    shown = [names[k] for k in used]
    if twice := [name for name, times in Counter(shown).items() if times > 1]:
        raise DataError(f"{path}: two columns are called {listed(twice)}; rename or remove one")
    return table[used].set_axis(shown, axis="columns")
