"""docs/estimates.md: what the columns and the quantities of the table of estimates mean.

`python -m facegap.measure.codebook` writes it; a test holds it current.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from facegap.quantities import QUANTITIES
from facegap.tables.measure import COLUMNS

PATH = Path(__file__).parents[4] / "docs/estimates.md"
HEAD = """# Estimates

Every number of a study is a row of `report/estimates.csv`; the part of the stage measure is in
`measure/estimates.parquet` and `.csv`. The page, the figures and Tables 1 to 5 show these rows, and
`facegap compare` those of several studies. Written by `python -m facegap.measure.codebook` from
`facegap/quantities.py` and `facegap/tables/measure.py`. The functions that compute the intervals
are in `facegap/statistics/`, with their sources.
"""
COLUMNS_HEAD = """
## Columns

A column is empty where it says nothing of a row. A group joins factors by " × ", each with its
value after ": ".

"""
QUANTITIES_HEAD = """
## Quantities

"""
KINDS = {"string[pyarrow]": "text", "Int64": "whole number", "float64": "number"}


def markdown() -> str:
    """The text of the codebook."""
    columns = [
        (f"`{name}`", KINDS[str(column.dtype)], words) for name, (column, words) in COLUMNS.items()
    ]
    quantities = [
        (name, each.stage, each.formula, ", ".join(each.metrics), each.unit, each.interval)
        for name, each in QUANTITIES.items()
    ]
    titles = ("quantity", "stage", "what", "metrics", "unit", "interval and test")
    return "".join(
        [
            HEAD,
            COLUMNS_HEAD,
            *_table(("column", "type", "what"), columns),
            QUANTITIES_HEAD,
            *_table(titles, quantities),
        ]
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


if __name__ == "__main__":
    PATH.write_text(markdown(), encoding="utf-8")
