"""Simulated participants who like the photographs of one side better: is that the generator's?

    python benchmarks/calibration/baseline.py [studies]

writes a table of docs/calibration.md. Persons differ in how much their photograph is liked, and in
how well the generator does on them; participants in their taste. The truth is that of these
participants over all persons, by quadrature.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

sys.path.insert(0, str(Path(__file__).parents[1]))
from documented.marks import CALIBRATION, written

from calibration.studies import CONFIDENCE
from facegap.groups import ALL
from facegap.judge.baseline import without_baseline
from facegap.judge.model import model, preferences
from facegap.numbers import percent

SEED = 20_261_130  # the day on which this was written; nothing else was tried
STUDIES, A_JOB = 1000, 50
PARTICIPANTS, PAIRS, ORIGINALS, PERSONS = 3, 300, 150, 20  # persons of a side and control
CONTROLS = ("female", "male")
PHOTOGRAPH, OUTPUT, TASTE = 0.3, 0.3, 0.2  # log odds: spread of persons, and of participants
NAMES = ("preference", "baseline preference", "preference without baseline")


@dataclass(frozen=True)
class Planted:
    """Log odds of the in-domain photograph, and what the generator adds for its output."""

    name: str
    liking: float
    generator: float

    def truths(self) -> dict[str, float]:
        """Of each quantity, the share over all persons."""
        made = _mean(self.liking + self.generator, (PHOTOGRAPH**2 + OUTPUT**2) ** 0.5)
        liked = _mean(self.liking, PHOTOGRAPH)
        return dict(zip(NAMES, map(float, expit([made, liked, made - liked])), strict=True))


SCENARIOS = (
    Planted("neither liked, nothing made", 0.0, 0.0),
    Planted("photographs liked, nothing made", float(logit(0.6)), 0.0),
    Planted("photographs liked, more made of them", float(logit(0.6)), float(logit(0.6))),
)


def _tastes() -> NDArray[np.float64]:
    spread = np.linspace(-1, 1, PARTICIPANTS)
    return TASTE * spread / spread.std()


def _mean(odds: float, spread: float) -> float:
    """Mean over participants of the log odds of their share over all pairs of persons."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    shares = expit(odds + _tastes()[:, None] + nodes * spread * 2**0.5) @ weights / weights.sum()
    return float(logit(shares).mean())


def answers(planted: Planted, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the participants of a study choose of outputs, and of originals."""
    of_person = {
        kind: rng.normal(0, spread, (2, len(CONTROLS) * PERSONS))
        for kind, spread in (("photograph", PHOTOGRAPH), ("output", OUTPUT))
    }
    tables = []
    for pairs, made in ((PAIRS, 1), (ORIGINALS, 0)):
        who = np.repeat(np.arange(PARTICIPANTS), pairs)
        control = np.arange(len(who)) % len(CONTROLS)
        one, two = rng.integers(0, PERSONS, (2, len(who))) + control * PERSONS
        liked = of_person["photograph"] + made * of_person["output"]
        odds = planted.liking + made * planted.generator + _tastes()[who]
        odds = odds + liked[0, one] - liked[1, two]
        tables.append(
            pd.DataFrame(
                {
                    "chose_in": rng.random(len(who)) < expit(odds),
                    "control": np.array(CONTROLS)[control],
                    "participant": who.astype(str),
                    "in_left": rng.permutation(len(who)) % 2 == 0,
                    "in_subject": one.astype(str),
                    "out_subject": two.astype(str),
                }
            )
        )
    return tables[0], tables[1]


def studies(planted: Planted, count: int, seed: int) -> list[dict[str, Any]]:
    """The rows of all answers of `count` studies, by quantity."""
    rng, found = np.random.default_rng([SEED, seed]), []
    for _ in range(count):
        compared, originals = answers(planted, rng)
        rows = [
            *preferences(model(compared, CONTROLS), "preference", CONFIDENCE),
            *without_baseline(compared, originals, CONTROLS, CONFIDENCE),
        ]
        found += [{**row, "planted": planted.name} for row in rows if row["group"] == ALL]
    return found


def lines(found: pd.DataFrame) -> Iterator[str]:
    """The table in Markdown, head first."""
    yield "| planted | what | truth | estimate | intervals hold it | found |"
    yield "|---|---|---|---|---|---|"
    for planted in SCENARIOS:
        for name, truth in planted.truths().items():
            own = found[(found["planted"] == planted.name) & (found["quantity"] == name)]
            held = ((own["low"] <= truth) & (truth <= own["high"])).mean()
            apart = ((own["low"] > 0.5) | (own["high"] < 0.5)).mean()
            cells = [planted.name, name, percent(truth), percent(own["estimate"].mean())]
            cells += [f"{percent(held)} of {len(own)}", percent(apart)]
            yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Simulate, tabulate, write the page."""
    count, began = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES, time.monotonic()
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        jobs = [
            pool.submit(studies, planted, min(A_JOB, count), job)
            for planted in SCENARIOS
            for job in range(max(count // A_JOB, 1))
        ]
        found = pd.DataFrame([row for job in jobs for row in job.result()])
    print(f"{time.monotonic() - began:.0f} s")
    written(CALIBRATION, {"baseline": list(lines(found))})


if __name__ == "__main__":
    main()
