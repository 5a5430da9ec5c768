"""What the benchmarks printed last, below results/bench, into docs/performance.md (`make bench`).

    python benchmarks/documented

Only what was run is written; the other tables stay as they are, each with its day and machine.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import PERFORMANCE, written

BENCH = Path("results/bench")


def table(path: Path) -> list[str]:
    """Day, machine, and what a benchmark printed, less its last line, which is for programs."""
    day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    *printed, figures = path.read_text().splitlines() or [""]
    if not figures.startswith("{"):
        raise ValueError(f"{path}: its benchmark did not end; run it again, or delete the file")
    return [
        f"{day}, {json.loads(figures)['machine']}:",
        "",
        *(f"    {line}".rstrip() for line in printed),
        "",
    ]


def main() -> None:
    """Write the tables of all benchmarks that have results."""
    found = sorted(BENCH.glob("*.txt"))
    written(PERFORMANCE, {path.stem: table(path) for path in found})
    print(f"{PERFORMANCE}: {', '.join(path.stem for path in found) or 'nothing new'}")


if __name__ == "__main__":
    main()
