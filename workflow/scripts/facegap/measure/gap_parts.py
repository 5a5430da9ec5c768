"""What accounts for the transfer gap and for the group gaps of the selected configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.errors import DataError
from facegap.files import read_json
from facegap.measure.answers import answers
from facegap.measure.covariates import capture, composition, matrix
from facegap.measure.parts import Compared, parts_of
from facegap.seeds import generator
from facegap.settings.measure import GapParts, Intervals
from facegap.settings.synthesise import Attributes
from facegap.tables.acquire import FACES
from facegap.tables.align import MEASURES
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of


@dataclass(frozen=True)
class Answered:
    """A model's answers on the test part of one data set, and what is known of these n faces.

    `right` and `closer` are (trainings, n); `people` and `taken` have n rows.
    """

    inside: NDArray[np.bool_]
    person: NDArray[np.object_]
    right: NDArray[np.float64]
    closer: NDArray[np.float64]
    people: pd.DataFrame
    taken: pd.DataFrame


def measure_parts(
    *,
    predictions: Path,
    closer_predictions: Path,
    selected: Path,
    faces: list[Path],
    measures: list[Path],
    estimates: Path,
    study: str,
    datasets: list[str],
    attributes: Attributes,
    young_below: int | None,
    settings: GapParts,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the parts (ESTIMATES) of the transfer gap, and of the group gap in each data set.

    `closer_predictions` (PREDICTIONS) are the same model's on faces cropped again. `faces` (FACES)
    and `measures` (MEASURES) are in the order of `datasets`, source and target.
    """
    model = read_json(selected)["name"]
    tables = [read_table(path, FACES) for path in faces]
    names = [*attributes.names, attributes.control]
    places = dict(zip(datasets, faces, strict=True))
    given = [
        _own(answers(path, [model], places), datasets[0])
        for path in (predictions, closer_predictions)
    ]
    taken = [capture(read_table(path, MEASURES)) for path in measures]
    common = composition(tables, names, young_below)
    both = [
        _answered(given, name, *known) for name, *known in zip(datasets, common, taken, strict=True)
    ]
    gaps = [("transfer gap", datasets[-1], "balanced accuracy", _across(both))]
    for name, table, own in zip(datasets, tables, taken, strict=True):
        (known,) = composition([table], names, young_below)
        within = _within(_answered(given, name, known, own))
        gaps.append(("group gap", name, "accuracy", within))
    rows: list[dict[str, Any]] = []
    for gap, tested_on, metric, compared in gaps:
        rng = generator(seed, "gap_parts", gap=gap, dataset=tested_on)
        about = {"model": model, "trained_on": datasets[0], "tested_on": tested_on}
        for row in parts_of(compared, settings.least_overlap, intervals.confidence, rng):
            group = f"gap: {gap} × {row['group']}"
            rows.append({**about, "metric": metric, **row, "group": group})
    write_table(table_of(rows, study), estimates, ESTIMATES)


def _own(given: pd.DataFrame, trained_on: str) -> pd.DataFrame:
    """The answers on the agreed faces of test parts, and whether each is right."""
    own = given[(given["trained_on"] == trained_on) & (given["arm"] == "full") & given["agreed"]]
    own = own[own["part"] == "test"]
    return own.assign(right=(own["probability"] >= 0.5) == own["inside"])


def _answered(
    given: Sequence[pd.DataFrame], dataset: str, people: pd.DataFrame, taken: pd.DataFrame
) -> Answered:
    """The answers on a data set, as the faces are and cropped again."""
    own = [table[table["dataset"] == dataset] for table in given]
    right, closer = (
        table.pivot(index="face_id", columns="repeat", values="right").sort_index() for table in own
    )
    if not right.index.equals(closer.index):
        raise DataError(f"{dataset}: other test faces cropped again than tested; classify again")
    first = own[0].drop_duplicates("face_id").set_index("face_id").loc[right.index]
    return Answered(
        first["inside"].to_numpy(bool),
        first["person"].to_numpy(object),
        right.to_numpy(float).T,
        closer.to_numpy(float).T,
        people.reindex(right.index),
        taken.reindex(right.index),
    )


def _across(sets: Sequence[Answered]) -> Compared:
    """The faces of the first data set, and those of the second: their balanced accuracies."""
    one, other = sets
    inside = np.concatenate([one.inside, other.inside])
    names = np.concatenate([[f"{k} {name}" for name in own.person] for k, own in enumerate(sets)])
    return Compared(
        np.repeat([False, True], [len(one.inside), len(other.inside)]),
        np.unique(names, return_inverse=True)[1],
        (inside, ~inside),
        np.hstack([one.right, other.right]),
        np.hstack([one.closer, other.closer]),
        {
            "composition": matrix(pd.concat([one.people, other.people]), inside, sides=True),
            "capture": matrix(pd.concat([one.taken, other.taken]), inside, sides=False),
        },
    )


def _within(own: Answered) -> Compared:
    """The faces inside, and those outside: how often either is right."""
    return Compared(
        ~own.inside,
        np.unique(own.person.astype(str), return_inverse=True)[1],
        (np.ones(len(own.inside), bool),),
        own.right,
        own.closer,
        {
            "composition": matrix(own.people, own.inside, sides=False),
            "capture": matrix(own.taken, own.inside, sides=False),
        },
    )
