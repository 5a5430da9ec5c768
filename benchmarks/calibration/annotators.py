"""Simulated annotators of unequal care: do the intervals of their errors hold the errors?

    python benchmarks/calibration/annotators.py [studies]

writes a table of docs/calibration.md. Three annotators answer on every face, or three of five; half
of the faces are of either side, two of each person.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import CALIBRATION, written

from calibration.studies import CONFIDENCE
from facegap.annotate.sample import shared_out
from facegap.numbers import percent
from facegap.statistics.annotators import errors

SEED = 20_261_130  # the day on which this was written; nothing else was tried
STUDIES = 1000
FACES = 3000  # the most careful annotator makes 75 errors on either side
DESIGNS = {
    "three answer on each face": ((0.05, 0.1, 0.3), 3),
    "three of five answer on each face": ((0.05, 0.1, 0.3, 0.1, 0.2), 3),
}


def study(error: tuple[float, ...], each: int, seed: int) -> Iterator[dict[str, object]]:
    """How often each annotator is wrong on either side, of one simulated study."""
    rng = np.random.default_rng([SEED, seed])
    truth = (rng.random(FACES) < 0.5).astype(int)
    wrong = rng.random((FACES, len(error))) < np.array(error)
    answers = np.where(wrong, 1 - truth[:, None], truth[:, None])
    answers[~shared_out(FACES, len(error), each, rng)] = -1
    persons = np.array([f"p{k // 2}" for k in range(FACES)])
    for name, (true, sides) in enumerate(
        zip(error, errors(answers, persons, CONFIDENCE), strict=True)
    ):
        for side in sides:
            yield {"annotator": name, "truth": true, **side._asdict()}


def lines(found: pd.DataFrame) -> Iterator[str]:
    """The table in Markdown, head first."""
    yield "| design | error | estimate | intervals hold it | no interval |"
    yield "|---|---|---|---|---|"
    for (design, _, true), rows in found.groupby(["design", "annotator", "truth"], sort=False):
        known = rows.dropna(subset=["low"])
        held = ((known["low"] <= true) & (true <= known["high"])).mean()
        cells = [design, percent(true, 0), percent(rows["estimate"].mean())]
        cells += [f"{percent(held)} of {len(known)}", percent(1 - len(known) / len(rows))]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Simulate, tabulate, write the page."""
    count, began = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES, time.monotonic()
    found = pd.DataFrame(
        [
            {"design": name, **row}
            for name, (error, each) in DESIGNS.items()
            for seed in range(count)
            for row in study(error, each, seed)
        ]
    )
    print(f"{time.monotonic() - began:.0f} s")
    written(CALIBRATION, {"annotators": list(lines(found))})


if __name__ == "__main__":
    main()
