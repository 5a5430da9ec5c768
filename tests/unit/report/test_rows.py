"""Rows of estimates: all of a study in one table, and the one that is asked for."""

from pathlib import Path

import pytest

from facegap.report.rows import MISSING, as_rows, collect_estimates, interval_of, one, rows_of
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES, estimates

GAP = {"quantity": "transfer gap", "estimate": 0.2, "low": 0.1, "high": 0.3}
ROWS = [
    {**GAP, "model": "all"},
    {**GAP, "model": "vgg16, plain, adam/sgd", "estimate": 0.1},
    {"quantity": "realism", "metric": "FID", "seed": 1, "estimate": 3.0},
    {"quantity": "realism", "metric": "FID", "estimate": 2.0},
]


@pytest.mark.parametrize("first", [ROWS, []])
def test_all_estimates_of_a_study_are_one_table(
    tmp_path: Path, first: list[dict[str, object]]
) -> None:
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    for path, rows in zip(paths, (first, ROWS[:1]), strict=True):
        write_table(estimates(rows, "small"), path, ESTIMATES)
    collect_estimates(estimates=paths, table=tmp_path / "all.csv")
    table = read_table(tmp_path / "all.csv", ESTIMATES)
    assert list(table["model"].dropna()) == [row["model"] for row in first[:2]] + ["all"]
    assert len(table) == len(first) + 1
    assert list(table["seed"].dropna()) == [1] * bool(first)


def test_a_row_is_the_one_with_these_values_and_missing_is_a_value() -> None:
    table = estimates(ROWS, "small")
    assert one(table, "transfer gap", model="all")["estimate"] == 0.2
    assert one(table, "realism", seed=None)["estimate"] == 2.0
    assert one(table, "realism", seed=1)["estimate"] == 3.0
    assert one(table, "realism", seed=7) == MISSING
    assert [row["p"] for row in as_rows(rows_of(table, "transfer gap"))] == [None, None]
    assert interval_of(one(table, "transfer gap")) == (0.2, 0.1, 0.3)
    assert all(value != value for value in interval_of(MISSING)), "NaN"
