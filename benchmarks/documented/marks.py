"""Pages of the docs whose tables benchmarks write, each between two marks."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

DOCS = Path(__file__).parents[2] / "docs"
CALIBRATION, PERFORMANCE = DOCS / "calibration.md", DOCS / "performance.md"
MACHINE = f"{platform.machine()}, {psutil.cpu_count()} cores, {platform.system()}"


def written(page: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """Put the lines of each table between its marks."""
    text = page.read_text()
    for name, lines in tables.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f"{page}: the marks of {name} are not there once")
        before, _, rest = text.partition(start)
        text = before + start + "\n".join([*lines, end]) + rest.partition(end)[2]
    page.write_text(text)
