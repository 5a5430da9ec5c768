"""What the fine-tuned classifiers answered on faces that no training saw, and who is on them."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from facegap.errors import DataError
from facegap.parts import persons_of
from facegap.statistics.performance import Answers
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table
from facegap.tables.classify import PREDICTIONS

CONTROLS = ("exchanged", "halves")  # arms
KEY = ["model", "trained_on", "arm", "dataset", "part"]


def fine_tuned(runs: pd.DataFrame) -> list[str]:
    """The models of `runs` (RUNS) that are fine-tuned, not heads alone."""
    return list(runs.loc[runs["stage"] == "fine-tuned", "model"].unique())


def answers(predictions: Path, models: Collection[str], faces: Mapping[str, Path]) -> pd.DataFrame:
    """A row a prediction of one of `models`: the columns of PREDICTIONS, and two more.

    `person` is who is on the face, `inside` the side of the face. `faces` (FACES) are by data set.
    A head that several configurations are fine-tuned from is there once.
    """
    table = read_table(predictions, PREDICTIONS)
    table = table[table["model"].isin(models)].drop_duplicates([*KEY, "repeat", "face_id"])
    table = table.merge(persons_on(faces), on=["dataset", "face_id"])
    return table.assign(inside=table["label"] == "inside")


def parts(answers: pd.DataFrame) -> dict[tuple[str, ...], Answers]:
    """The answers on each part, by KEY; every repeat answers on the same faces, by face id.

    A validation part or a control that shows fewer than two persons of a side is left out, since it
    can have no interval; a test part raises `DataError` with the counts.
    """
    found = {}
    for names, part in answers.groupby(KEY, sort=True):
        given = of_one(part)
        counts = [len(np.unique(given.person[side])) for side in (given.inside, ~given.inside)]
        model, trained_on, arm, dataset, which = map(str, names)
        if min(counts) < 2 and (arm in CONTROLS or which != "test"):
            continue
        if min(counts) < 2:
            raise DataError(
                f"{model}, trained on {trained_on}: the part {which} of {dataset} shows"
                f" {counts[0]} persons inside and {counts[1]} outside; an estimate with an interval"
                " needs two of either at the least: more faces, or another split"
            )
        found[tuple(map(str, names))] = given
    return found


def of_one(answers: pd.DataFrame) -> Answers:
    """The answers of one model on one part, by face id: face_id, inside, person, repeat,
    probability.
    """
    wide = answers.pivot(index="face_id", columns="repeat", values="probability")
    first = answers.drop_duplicates("face_id").set_index("face_id").reindex(wide.index)
    _, person = np.unique(first["person"].to_numpy(str), return_inverse=True)
    return Answers(first["inside"].to_numpy(bool), person, wide.to_numpy(float).T)


def mean_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """A row a face, with the mean probability of the repeats of one model, for groups and bins.

    Columns: dataset, face_id, person, inside, probability, right.
    """
    table = answers.groupby(["dataset", "face_id", "person"], sort=True).agg(
        inside=("inside", "first"), probability=("probability", "mean")
    )
    table["right"] = (table["probability"] >= 0.5) == table["inside"]
    return table.reset_index()


def persons_on(faces: Mapping[str, Path]) -> pd.DataFrame:
    """Who is on each face of each data set: dataset, face_id, person."""
    found = []
    for dataset, path in faces.items():
        known = read_table(path, FACES)
        found.append(known[["face_id"]].assign(dataset=dataset, person=persons_of(known)))
    return pd.concat(found)
