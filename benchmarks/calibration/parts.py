"""Simulated faces of two groups that differ in what is planted: do the parts of a gap hold it?

A face is right in a training by the log odds of who is on it, how it was taken, and what else its
group has; trainings share most of a face's luck. The truth is what the same code gives on a
population of faces so large that chance is next to nothing. Crop is planted as what is lost in the
whole crop and not in its middle.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from calibration.studies import CONFIDENCE, tallied
from facegap.measure.parts import DRAWS, Compared, parts_of

LEVEL = 1.2  # log odds of being right, of the first group's middle face
COMMON, OWN = 1.0, 0.3  # spread of a face's luck over all trainings, and in each
POPULATION = 150_000  # faces of either group
LEAST = 0.2  # effective share, the default


@dataclass(frozen=True)
class Planted:
    """By how many standard deviations, or log odds, the second group differs, and is harder."""

    name: str
    who: float = 0.0
    taken: float = 0.0
    crop: float = 0.0
    rest: float = 0.0


SCENARIOS = (
    Planted("nothing differs"),
    Planted("composition differs", who=0.6),
    Planted("capture differs", taken=0.6),
    Planted("all differ", who=0.5, taken=0.5, crop=0.4, rest=0.4),
)


def compared(planted: Planted, count: int, trainings: int, rng: np.random.Generator) -> Compared:
    """`count` faces of either group, of persons with two pictures each."""
    other = np.repeat([False, True], count)
    people, pictures = rng.normal(0, 1, (2 * count, 2)), rng.normal(0, 1, (2 * count, 3))
    people[:, 0] += planted.who * other
    pictures[:, 0] += planted.taken * other
    odds = LEVEL - people[:, 0] - pictures[:, 0] - planted.rest * other
    luck = rng.logistic(0, COMMON, 2 * count)
    right, closer = (
        (luck + rng.normal(0, OWN, (trainings, 2 * count)) < level).astype(float)
        for level in (odds - planted.crop * other, odds)
    )
    inside = rng.random(2 * count) < 0.5
    known = {"composition": people, "capture": pictures}
    person = np.arange(2 * count) // 2
    return Compared(other, person, (inside, ~inside), right, closer, known)


def parts(faces: Compared, seed: int, draws: int = DRAWS) -> dict[str, dict[str, Any]]:
    """The rows of each part, by name."""
    rows = parts_of(faces, LEAST, CONFIDENCE, np.random.default_rng(seed), draws)
    return {row["group"].split(": ")[1]: row for row in rows if row["quantity"] != "overlap"}


def simulated(planted: Planted, faces: int, studies: int, seed: int) -> pd.DataFrame:
    """A row a part of each of `studies` studies of `faces` faces a group and three trainings."""
    truth = parts(compared(planted, POPULATION, 1, np.random.default_rng(seed)), seed, draws=2)
    found = []
    for study in range(studies):
        rng = np.random.default_rng([seed, study])
        for name, row in parts(compared(planted, faces, 3, rng), study).items():
            about = {"scenario": planted.name, "study": study, "where": name}
            found.append({**about, **row, "truth": truth[name]["estimate"], "metric": None})
    return pd.DataFrame(found)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """By scenario and part, how often intervals hold the truth, exclude zero."""
    return tallied(found.assign(metric="accuracy", smallest_detectable_effect=np.nan))
