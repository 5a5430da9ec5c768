"""What the fine-tuned classifiers answered on the test parts, and who is on each face."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from facegap.tables.acquire import FACES
from facegap.tables.base import read_table
from facegap.tables.classify import PREDICTIONS


def answers(predictions: Path, runs: pd.DataFrame, faces: Mapping[str, Path]) -> pd.DataFrame:
    """A row a prediction of a fine-tuned model: the columns of PREDICTIONS, and three more.

    `person` is who is on the face, `inside` the side of the face, and `right` whether the more
    probable side is the face's. `runs` (RUNS) tells which models are fine-tuned, `faces` (FACES)
    are by data set.
    """
    fine_tuned = runs.loc[runs["stage"] == "fine-tuned", "model"].unique()
    table = read_table(predictions, PREDICTIONS)
    table = table[table["model"].isin(fine_tuned)].merge(_persons(faces), on=["dataset", "face_id"])
    inside = table["label"] == "inside"
    return table.assign(inside=inside, right=(table["probability"] >= 0.5) == inside)


def mean_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """A row a face and model, with the mean probability of the model's repeats.

    Columns: model, trained_on, dataset, face_id, person, inside, probability, right.
    """
    by = ["model", "trained_on", "dataset", "face_id", "person"]
    table = answers.groupby(by, sort=True).agg(
        inside=("inside", "first"), probability=("probability", "mean")
    )
    table["right"] = (table["probability"] >= 0.5) == table["inside"]
    return table.reset_index()


def _persons(faces: Mapping[str, Path]) -> pd.DataFrame:
    """Who is on each face of each data set; a face whose person is not known is a person."""
    parts = []
    for dataset, path in faces.items():
        known = read_table(path, FACES)[["face_id", "subject_id"]]
        known["person"] = known["subject_id"].fillna(known["face_id"])
        parts.append(known.assign(dataset=dataset)[["dataset", "face_id", "person"]])
    return pd.concat(parts)
