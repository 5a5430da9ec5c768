"""The model of the human study on 500 simulated studies: do its intervals hold what they promise?

python benchmarks/judge_coverage.py [studies]
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from documented.marks import MACHINE

from facegap.judge.model import model, preferences
from facegap.statistics.power import estimate, simulate

DESIGNS = [(0.5, 3, 300, 40), (0.6, 3, 300, 40), (0.5, 10, 100, 40), (0.6, 10, 100, 40)]


def fitted(studies: int, design: tuple[float, int, int, int]) -> dict[str, float]:
    """Coverage and rejections of `judge.model`, and of the quick estimator on the same."""
    share, participants, pairs, persons = design
    simulated = simulate(np.random.default_rng(1), studies, share, participants, pairs, persons)
    quick = estimate(simulated)
    covered, rejected, start, busy = 0, 0, time.perf_counter(), time.process_time()
    for chose_in, one, two in zip(*simulated[:3], strict=True):
        answers = pd.DataFrame(
            {
                "chose_in": chose_in,
                "control": "all",
                "participant": simulated.participant.astype(str),
                "in_left": np.arange(len(chose_in)) % 2 == 0,
                "in_subject": one.astype(str),
                "out_subject": two.astype(str),
            }
        )
        result = next(preferences(model(answers, ["all"]), "preference", 0.95))
        covered += result["low"] <= simulated.truth <= result["high"]
        rejected += result["p"] < 0.05
    return {
        "covered": covered / studies,
        "rejected": rejected / studies,
        "quick_covered": float(
            (abs(quick.share - simulated.truth) <= quick.half_width(0.95)).mean()
        ),
        "quick_rejected": float((quick.p < 0.05).mean()),
        "seconds": (time.perf_counter() - start) / studies,
        "cpu_seconds": (time.process_time() - busy) / studies,
    }


def main() -> None:
    """A row a design, then one JSON object."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print("share  people x pairs  persons   covered  rejected   quick: covered  rejected")
    rows = []
    for design in DESIGNS:
        row = fitted(studies, design)
        rows.append(row)
        share, participants, pairs, persons = design
        print(
            f"{share:5.2f}  {participants:6d} x {pairs:<5d}  {persons:7d}  {row['covered']:8.3f}"
            f"  {row['rejected']:8.3f}  {row['quick_covered']:15.3f}  {row['quick_rejected']:8.3f}"
        )
    figures = {
        "name": "judge_coverage",
        "ratio": rows[1]["covered"] / 0.95,
        "covered": rows[1]["covered"],
        "promised": 0.95,
        "rejected_without_effect": rows[0]["rejected"],
        "units": "share of studies",
        "studies": studies,
        "machine": MACHINE,
        "versions": {name: version(name) for name in ("numpy", "scipy")},
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
