"""The codebook is current, and every estimate is of a quantity that it explains."""

from pathlib import Path

import pandas as pd
import pytest

from facegap.measure.codebook import PATH, markdown
from facegap.measure.gather import gather_estimates
from facegap.quantities import QUANTITIES
from facegap.stages import STAGES
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import COLUMNS, ESTIMATES, estimates


def test_the_codebook_is_current() -> None:
    assert PATH.read_text() == markdown(), "run python -m facegap.measure.codebook"


def test_every_column_and_quantity_is_explained() -> None:
    for name in COLUMNS:
        assert f"| `{name}` |" in markdown()
    for name, quantity in QUANTITIES.items():
        assert f"| {name} | {quantity.stage} |" in markdown()
        assert set(quantity.stage.split(" and ")) <= set(STAGES)
        assert all((quantity.formula, quantity.unit, quantity.interval))


def test_a_row_with_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError, match="no column value in estimates"):
        estimates([{"quantity": "power", "value": 1.0}], "study")


def test_estimates_are_gathered_row_by_row(tmp_path: Path) -> None:
    row = {"quantity": "transfer gap", "model": "all", "estimate": 0.1, "p": None, "faces": 3}
    parts = [tmp_path / f"{k}.parquet" for k in range(3)]
    for path, rows in zip(parts, ([row], [], [{**row, "estimate": 0.2}]), strict=True):
        write_table(estimates(rows, "study"), path, ESTIMATES)
    table, csv = tmp_path / "estimates.parquet", tmp_path / "estimates.csv"
    gather_estimates(estimates=parts, table=table, csv=csv)
    gathered = read_table(table, ESTIMATES)
    assert gathered["estimate"].tolist() == [0.1, 0.2]
    pd.testing.assert_frame_equal(gathered, read_table(csv, ESTIMATES))
