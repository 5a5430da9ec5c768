"""The landmarker of the pipeline, the first model that every study audits.

Which faces it does not find, how far its points lie from known ones, and whose eyes and mouths it
takes for closed and smiling (its blendshapes): by group of persons.
"""

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap.measure.audited import Audited, audited_faces, require_columns
from facegap.measure.judged import Judged, classified, landmark_error
from facegap.measure.models import task_rows
from facegap.settings.measure import Intervals
from facegap.settings.models import LANDMARKER, Groups
from facegap.tables.acquire import REJECTED
from facegap.tables.align import LANDMARKS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import BY_FACE, ESTIMATES
from facegap.tables.measure import estimates as table_of

log = logging.getLogger(__name__)
NOT_FOUND = "no face found"  # as align gives its reason
BLINKS, SMILES = 0.4, 0.5  # scores from which a face counts as blinking, smiling


def measure_landmarker(
    *,
    faces: list[Path],
    measures: list[Path],
    landmarks: list[Path],
    rejected: list[Path],
    labels: list[Path],
    estimates: Path,
    by_face: Path,
    study: str,
    datasets: list[str],
    sides: dict[str, str],
    groups: Groups,
    intervals: Intervals,
    seed: int,
) -> None:
    """Write the estimates (ESTIMATES) of the landmarker, and its values `by_face` (BY_FACE).

    On the test faces of each data set; all lists are in the order of `datasets`. `landmarks`
    (LANDMARKS) are its points, `rejected` (REJECTED) the faces without a crop.
    """
    rows: list[dict[str, Any]] = []
    parts = []
    read = partial(audited_faces, sides=sides, settings=groups, intervals=intervals)
    every = [*map(read, datasets, faces, measures, labels)]
    require_columns(groups, every)
    for audited, points, lost in zip(every, landmarks, rejected, strict=True):
        dataset = audited.dataset
        about = {"model": LANDMARKER, "tested_on": dataset}
        for judged in tasks_of(audited, read_table(points, LANDMARKS), read_table(lost, REJECTED)):
            name = f"{LANDMARKER} {dataset}"
            on = _without_tones(audited) if judged.task == "detection" else audited
            found = task_rows(on, judged, groups, intervals.confidence, seed, name)
            rows += ({**about, "task": judged.task, **each} for each in found)
            for metric, values in judged.items():
                table = pd.DataFrame({"face_id": audited.faces["face_id"], "value": values})
                keys = {"model": LANDMARKER, "dataset": dataset, "task": judged.task}
                parts.append(table.dropna().assign(**keys, metric=metric))
    write_table(table_of(rows, study), estimates, ESTIMATES)
    table = pd.concat(parts, ignore_index=True)
    write_table(table[list(BY_FACE.columns)], by_face, BY_FACE)


def _without_tones(audited: Audited) -> Audited:
    """Without the groups that only a face that was found has."""
    others = [each for each in audited.groupings if each.factor not in ("skin tone", "hue")]
    return replace(audited, groupings=others)


def tasks_of(audited: Audited, landmarks: pd.DataFrame, rejected: pd.DataFrame) -> list[Judged]:
    """What can be said of it on these faces: detection, landmarks, expressions."""
    table, person = audited.faces, audited.person
    reason = table["face_id"].map(rejected.set_index("face_id")["reason"])
    found = table["aligned"].notna().to_numpy(bool)
    searched = found | (reason == NOT_FOUND).to_numpy(bool)
    lost = np.where(searched, (~found).astype(float), np.nan)
    judged = [Judged("detection", {"not found": lost}, person)]
    expressions = {
        f"taken for {word}": np.where(table[name].notna(), table[name] >= least, np.nan)
        for name, word, least in (("blink", "blinking", BLINKS), ("smile", "smiling", SMILES))
    }
    judged.append(Judged("expressions", expressions, person))
    error = landmark_error(table, landmarks.set_index("face_id")["landmarks"])
    if np.isfinite(error).any():
        judged.append(Judged("landmarks", {"landmark error": error}, person))
    if "Smiling" in table and table["Smiling"].notna().any():
        outputs = pd.DataFrame({"score": table["smile"], "label": None})
        judged.append(classified("Smiling", outputs, table["Smiling"], person, None, SMILES))
    return judged
