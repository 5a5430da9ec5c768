"""All estimates of the stage in one table."""

from pathlib import Path

from facegap.tables.base import write_table
from facegap.tables.measure import ESTIMATES, read_estimates


def gather_estimates(*, estimates: list[Path], table: Path, csv: Path) -> None:
    """Write all `estimates` (ESTIMATES) as one parquet table, and as CSV for other programs."""
    gathered = read_estimates(estimates)
    for path in (table, csv):
        write_table(gathered, path, ESTIMATES)
