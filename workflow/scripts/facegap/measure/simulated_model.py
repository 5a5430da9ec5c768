"""A rule in place of a model: right and wrong about the truth of drawn faces as often as set."""

from pathlib import Path

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.exported import exported_name
from facegap.files import whole
from facegap.measure.audited import audited_faces
from facegap.measure.models import errors_of
from facegap.seeds import generator
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups, Model
from facegap.tables.base import as_csv


def simulate_model(
    *,
    faces: Path,
    measures: Path,
    labels: Path,
    outputs: Path,
    model: Model,
    audited: str,
    sides: dict[str, str],
    groups: Groups,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write `outputs` as a user's model would: a CSV of face, task and score.

    A score says the truth but for the errors of `model.simulated`, which a person's pictures have
    in common, and is the surer the farther it is from one half.
    """
    dataset = str(model.dataset)
    on = audited_faces(
        dataset, faces, measures, labels, sides=sides, settings=groups, intervals=intervals
    )
    assert model.simulated is not None
    wrong = errors_of(on, model.simulated.error)
    parts = []
    for task, settings in model.tasks.items():
        column = settings.truth or task
        if column not in on.faces:
            raise DataError(f"{faces}: no column {column} for the task {task}")
        truth = pd.to_numeric(on.faces[column]).to_numpy(float) == 1
        rng = generator(seed, "simulated_model", model=audited, task=task)
        of_person = rng.random(on.person.max() + 1)[on.person]
        answer = truth ^ (of_person < wrong)
        sure = rng.beta(4, 2, len(answer)) / 2
        score = np.where(answer, 0.5 + sure, 0.5 - sure)
        exported = [exported_name(dataset, each, seed) for each in on.faces["face_id"]]
        parts.append(pd.DataFrame({"face": exported, "task": task, "score": score.round(6)}))
    with whole(outputs) as temporary:
        temporary.write_text(as_csv(pd.concat(parts)), encoding="utf-8", newline="")
