"""Columns of the tables, and how a table is written and read: whole, and checked both times.

`side` is the side of the boundary, `inside` or `outside`; `inside` is where the synthesis is
trained (CelebC in the paper) and the positive class of the classifiers. Display names are the
settings'.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.parquet as parquet

from facegap.errors import DataError, shown
from facegap.files import whole

SIDES = ("inside", "outside")
FORMULA = re.compile(r"^('*[=+\-@\t\r])")  # how a cell begins that a spreadsheet computes
MARKED = re.compile(r"^'('*[=+\-@\t\r])")  # and how it does in our files, and is shown as it is
DOMAINS = ("in-domain", "out-domain")  # faces of the side that a generator is trained on, or not


def text(*allowed: str, nullable: bool = False, unique: bool = False) -> pa.Column:
    """A column of texts, of those `allowed` if any are named."""
    checks = pa.Check.isin(allowed) if allowed else None
    return pa.Column(str, checks, nullable=nullable, unique=unique)


def real(
    low: float | None = None, high: float | None = None, *, nullable: bool = False
) -> pa.Column:
    """A column of real numbers from `low` to `high`."""
    bounds = []
    if low is not None:
        bounds.append(pa.Check.ge(low))
    if high is not None:
        bounds.append(pa.Check.le(high))
    return pa.Column("float64", bounds, nullable=nullable)


def integer(low: int = 0, *, nullable: bool = False) -> pa.Column:
    """A column of whole numbers from `low` on."""
    return pa.Column("Int64" if nullable else "int64", pa.Check.ge(low), nullable=nullable)


def flag() -> pa.Column:
    """A column of true and false."""
    return pa.Column(bool)


def table(
    columns: Mapping[str, pa.Column],
    name: str,
    *,
    more: bool = False,
    unique: Sequence[str] | None = None,
) -> pa.DataFrameSchema:
    """A schema of these columns alone, or, with `more`, of these and others.

    No two rows have the same values in all of the columns `unique`.
    """
    once = list(unique) if unique else None
    return pa.DataFrameSchema(dict(columns), name=name, strict=not more, coerce=True, unique=once)


def write_table(
    frame: pd.DataFrame,
    path: str | Path,
    schema: pa.DataFrameSchema,
    about: Mapping[str, str] | None = None,
) -> None:
    """Check `frame` and write it whole, as parquet or, when `path` ends so, as CSV.

    `about` goes into the parquet metadata (source, licence, whether simulated).
    """
    checked = _check(frame.reset_index(drop=True), path, schema)
    with whole(path) as temporary:
        if temporary.suffix == ".csv":
            temporary.write_text(as_csv(checked), encoding="utf-8", newline="")
        else:
            rows = arrow.Table.from_pandas(checked, preserve_index=False)
            found = {
                **(rows.schema.metadata or {}),
                **{k: str(v) for k, v in (about or {}).items()},
            }
            parquet.write_table(rows.replace_schema_metadata(found), temporary)


def as_csv(frame: pd.DataFrame) -> str:
    """`frame` as CSV, in which no cell is a formula to a spreadsheet; `as_meant` takes it back."""
    frame = _in_texts(frame, FORMULA, r"'\1")
    text = frame.to_csv(index=False, lineterminator="\n")
    if "\r" in text:  # alone it is not quoted, and read as the end of a row
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text


def as_meant(frame: pd.DataFrame) -> pd.DataFrame:
    """The texts of `frame`, out of a CSV, without what `as_csv` put before them."""
    return _in_texts(frame, MARKED, r"\1")


def _in_texts(frame: pd.DataFrame, pattern: re.Pattern[str], replacement: str) -> pd.DataFrame:
    """`frame` with what `pattern` finds in its texts replaced."""
    changed = {}
    for name in frame.select_dtypes(exclude=["number", "bool"]).columns:
        found = frame[name].map(lambda value: isinstance(value, str) and bool(pattern.match(value)))
        if found.any():
            texts = frame[name][found].str.replace(pattern, replacement, regex=True)
            changed[str(name)] = frame[name].mask(found, texts)
    return frame.assign(**changed)


def read_table(path: str | Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The checked table at `path`; a `DataError` names the file, the column and the first rows."""
    try:
        frame = _csv(path, schema) if str(path).endswith(".csv") else pd.read_parquet(path)
    except (OSError, ValueError) as error:  # arrow's and pandas' errors are among these
        raise DataError(f"{path}: not readable as a table: {error}") from error
    return _check(frame, path, schema)


def _csv(path: str | Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Text columns stay text: a face called 000123 keeps its zeros, and null is a name."""
    text = {name: str for name, column in schema.columns.items() if "str" in str(column.dtype)}
    _check(pd.read_csv(path, nrows=0), path, schema)  # before short rows get the header's width
    return as_meant(pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""]))


def metadata(path: str | Path) -> dict[str, str]:
    """What `write_table` got as `about` the parquet table at `path`."""
    found: dict[bytes, bytes] = parquet.read_schema(path).metadata or {}
    return {
        k.decode(): v.decode() for k, v in found.items() if k not in (b"pandas", b"ARROW:schema")
    }


def _check(frame: pd.DataFrame, path: str | Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        found = error.failure_cases.head(3).to_dict("records")
        cases = "; ".join(
            f"column {case['column']}: {case['check']} (found {shown(case['failure_case'])}"
            + (f", row {case['index']})" if case["index"] is not None else ")")
            for case in found
        )
        raise DataError(f"{path}: not a table of {schema.name}: {cases}") from error
