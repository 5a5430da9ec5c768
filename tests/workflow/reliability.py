"""The table of docs/reliability.md: what each fault test saw, in rows that it writes itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runs import digests

FAULTS = "<!-- table: pytest tests/workflow/test_faults.py tests/cluster --write-reliability -->"
HOSTILE = (
    '<!-- table: pytest tests/unit tests/workflow/test_traffic.py -m "" --write-reliability -->'
)
END = "<!-- end of table -->"
HEADS = {
    FAULTS: """\
| fault | what facegap does | jobs run after it | the least possible | results |
|---|---|---|---|---|""",
    HOSTILE: """\
| what comes | how many | what facegap does | lost |
|---|---|---|---|""",
}


@dataclass
class Reliability:
    """Rows of the page's tables, by what begins each."""

    rows: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in HEADS})

    def note(
        self,
        fault: str,
        does: str,
        reran: Mapping[str, int],
        least: Mapping[str, int],
        disturbed: Path,
        undisturbed: Path,
        *,
        whole: bool = True,
    ) -> None:
        """Add a row for a fault, if the results in these two folders are equal, byte for byte.

        Of a study that has not run to its end (not `whole`) what is there is compared: whether
        anything is lost is another question.
        """
        seen, expected = digests(disturbed), digests(undisturbed)
        assert seen, f"nothing to compare in {disturbed}"
        if not whole:
            expected = {name: digest for name, digest in expected.items() if name in seen}
        different = {name for name, _ in seen.items() ^ expected.items()}
        assert not different, f"{fault}: other bytes, or lost, or too many"
        self.rows[FAULTS][fault] = (
            f"| {fault} | {does} | {_count(reran)} | {_count(least)} | the same bytes |"
        )

    def hostile(self, comes: str, many: str, does: str, lost: str) -> None:
        """Add a row for input or traffic that is not to be trusted."""
        self.rows[HOSTILE][comes] = f"| {comes} | {many} | {does} | {lost} |"

    def write(self, page: Path) -> None:
        """Put the rows into the page; of what was not tested now, the row stays."""
        text = page.read_text()
        for start, new in self.rows.items():
            before, _, rest = text.partition(start)
            table, _, after = rest.partition(END)
            rows = "\n".join((_rows(table) | new).values())
            text = f"{before}{start}\n{HEADS[start]}\n{rows}\n{END}{after}"
        page.write_text(text)


def _rows(table: str) -> dict[str, str]:
    _, *rows = re.findall(r"^\| .*\|$", table, re.M) or [""]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


def _count(jobs: Mapping[str, int]) -> str:
    names = ", ".join(name if n == 1 else f"{name} × {n}" for name, n in sorted(jobs.items()))
    return f"{sum(jobs.values())}: {names}" if jobs else "0"
