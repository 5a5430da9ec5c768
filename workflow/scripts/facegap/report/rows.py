"""Rows of ESTIMATES, as figures, tables and the page look them up."""

from pathlib import Path
from typing import Any

import pandas as pd

from facegap.statistics.interval import Interval
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES, read_estimates

Row = dict[str, Any]  # columns of ESTIMATES; None where a value is missing
MISSING: Row = dict.fromkeys(ESTIMATES.columns)


def collect_estimates(*, estimates: list[Path], table: Path) -> None:
    """Write all estimates of the study as one table (ESTIMATES)."""
    write_table(read_estimates(estimates), table, ESTIMATES)


def rows_of(estimates: Path | pd.DataFrame, quantity: str, **where: Any) -> pd.DataFrame:
    """The rows of a quantity in which the columns `where` have these values; None: missing."""
    table = estimates if isinstance(estimates, pd.DataFrame) else read_table(estimates, ESTIMATES)
    fits = table["quantity"] == quantity
    for column, value in where.items():
        same = table[column].isna() if value is None else (table[column] == value).fillna(False)
        fits &= same.astype(bool)
    return table[fits].reset_index(drop=True)


def as_rows(table: pd.DataFrame) -> list[Row]:
    """The rows of a table, one by one."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def one(table: pd.DataFrame, quantity: str, **where: Any) -> Row:
    """The first such row; of none, MISSING."""
    return next(iter(as_rows(rows_of(table, quantity, **where))), MISSING)


def interval_of(row: Row) -> Interval:
    """The estimate of a row and the ends of its interval; NaN where missing."""
    values = (row[name] for name in ("estimate", "low", "high"))
    return Interval(*(float("nan") if value is None else float(value) for value in values))
