"""What the benchmarks printed last, below results/bench, into docs/performance.md (`make bench`).

    python benchmarks/documented

Only what was run is written; the other tables stay as they are, each with its day and machine.
"""

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import PERFORMANCE, written

BENCH = Path("results/bench")


def table(path: Path) -> list[str]:
    """Day, machine, and what a benchmark printed, less its last line, which is for programs."""
    day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores"
    *printed, _ = path.read_text().splitlines()
    return [f"{day}, {machine}:", "", *(f"    {line}".rstrip() for line in printed), ""]


def main() -> None:
    """Write the tables of all benchmarks that have results."""
    found = sorted(BENCH.glob("*.txt"))
    written(PERFORMANCE, {path.stem: table(path) for path in found})
    print(f"{PERFORMANCE}: {', '.join(path.stem for path in found) or 'nothing new'}")


if __name__ == "__main__":
    main()
