"""Simulated participants who differ: does the interval of people at large hold their share?

    python benchmarks/calibration/at_large.py [studies]

writes a table of docs/calibration.md. Participants and persons are new in every study; the truth is
the share that people choose over all of both, by quadrature.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import CALIBRATION, written

from calibration.studies import CONFIDENCE
from facegap.groups import ALL
from facegap.judge.at_large import at_large
from facegap.judge.model import model, preferences
from facegap.numbers import percent

SEED = 20_261_130  # the day on which this was written; nothing else was tried
STUDIES = 1000
PAIRS, PERSONS = 60, 40  # of each participant; of a side and control
CONTROLS = ("female", "male")
PERSON = 0.3  # log odds: spread of persons
DESIGNS = [(10, 0.0, 0.3), (10, 0.5, 0.6), (30, 0.0, 0.3), (30, 0.5, 0.6)]
NAMES = {"at large": "preference at large", "these participants": "preference"}


def answers(participants: int, odds: float, taste: float, rng: np.random.Generator) -> pd.DataFrame:
    """What the participants of a study choose."""
    who = np.repeat(np.arange(participants), PAIRS)
    control = np.arange(len(who)) % len(CONTROLS)
    one, two = rng.integers(0, PERSONS, (2, len(who))) + control * PERSONS
    liked = rng.normal(0, PERSON, (2, len(CONTROLS) * PERSONS))
    chance = expit(odds + rng.normal(0, taste, participants)[who] + liked[0, one] - liked[1, two])
    return pd.DataFrame(
        {
            "chose_in": rng.random(len(who)) < chance,
            "control": np.array(CONTROLS)[control],
            "participant": who.astype(str),
            "in_left": rng.permutation(len(who)) % 2 == 0,
            "in_subject": one.astype(str),
            "out_subject": two.astype(str),
        }
    )


def truth(odds: float, taste: float) -> float:
    """The share that people choose, over all people and pairs of persons."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    spread = (taste**2 + 2 * PERSON**2) ** 0.5
    return float(expit(odds + nodes * spread) @ weights / weights.sum())


def studies(design: int, count: int) -> list[dict[str, Any]]:
    """The rows of all answers of `count` studies, by quantity."""
    rng, found = np.random.default_rng([SEED, design]), []
    for _ in range(count):
        given = answers(*DESIGNS[design], rng)
        rows = [
            *at_large(given, CONTROLS, "preference at large", CONFIDENCE),
            *preferences(model(given, CONTROLS), "preference", CONFIDENCE),
        ]
        found += [{**row, "design": design} for row in rows if row.get("group", ALL) == ALL]
    return found


def lines(found: pd.DataFrame) -> Iterator[str]:
    """The table in Markdown, head first."""
    yield "| participants | spread of their log odds | truth | interval of | estimate | holds it |"
    yield "|---|---|---|---|---|---|"
    for design, (participants, odds, taste) in enumerate(DESIGNS):
        true = truth(odds, taste)
        for words, quantity in NAMES.items():
            own = found[(found["design"] == design) & (found["quantity"] == quantity)]
            held = ((own["low"] <= true) & (true <= own["high"])).mean()
            cells = [str(participants), str(taste), percent(true), words]
            cells += [percent(own["estimate"].mean()), f"{percent(held)} of {len(own)}"]
            yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Simulate, tabulate, write the page."""
    count, began = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES, time.monotonic()
    found = pd.DataFrame([row for design in range(len(DESIGNS)) for row in studies(design, count)])
    print(f"{time.monotonic() - began:.0f} s")
    written(CALIBRATION, {"at large": list(lines(found))})


if __name__ == "__main__":
    main()
