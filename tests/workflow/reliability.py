"""The table of docs/reliability.md: what each fault test saw, in rows that it writes itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runs import digests

START = "<!-- table: pytest tests/workflow/test_faults.py tests/cluster --write-reliability -->"
END = "<!-- end of table -->"
HEAD = """\
| fault | what facegap does | jobs run after it | the least possible | results |
|---|---|---|---|---|"""


@dataclass
class Reliability:
    """Rows by fault."""

    rows: dict[str, str] = field(default_factory=dict)

    def note(
        self,
        fault: str,
        does: str,
        reran: Mapping[str, int],
        least: Mapping[str, int],
        disturbed: Path,
        undisturbed: Path,
    ) -> None:
        """Add a row for a fault, if the results in these two folders are equal, byte for byte."""
        seen, expected = digests(disturbed), digests(undisturbed)
        assert seen, f"nothing to compare in {disturbed}"
        different = {name for name, _ in seen.items() ^ expected.items()}
        assert not different, f"{fault}: other bytes, or lost, or too many"
        self.rows[fault] = (
            f"| {fault} | {does} | {_count(reran)} | {_count(least)} | the same bytes |"
        )

    def write(self, page: Path) -> None:
        """Put the rows into the page; of a fault that was not tested now, the row stays."""
        text = page.read_text()
        before, _, rest = text.partition(START)
        table, _, after = rest.partition(END)
        rows = {row.split(" | ")[0].removeprefix("| "): row for row in _rows(table)} | self.rows
        page.write_text(f"{before}{START}\n{HEAD}\n" + "\n".join(rows.values()) + f"\n{END}{after}")


def faults(page: Path) -> list[str]:
    """The faults that the page has rows for."""
    table = page.read_text().partition(START)[2].partition(END)[0]
    return [row.split(" | ")[0].removeprefix("| ") for row in _rows(table)]


def _rows(table: str) -> list[str]:
    return re.findall(r"^\| (?!fault).*\|$", table, re.M)


def _count(jobs: Mapping[str, int]) -> str:
    names = ", ".join(name if n == 1 else f"{name} × {n}" for name, n in sorted(jobs.items()))
    return f"{sum(jobs.values())}: {names}" if jobs else "0"
