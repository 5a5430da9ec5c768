"""Several people's answers, merged into one label a face."""

import logging
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facegap.annotate.sample import require_both_sides
from facegap.answers import (
    agreed_side,
    as_given,
    beside_each_other,
    few,
    read_answers,
    sample_of,
)
from facegap.errors import DataError
from facegap.settings.annotate import SIDES_ALONE, Annotate, Person
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import SIDES, read_table, write_table

log = logging.getLogger(__name__)


def merge_annotators(
    *,
    faces: Path,
    answers: list[Path],
    adjudication: Path | None,
    labels: Path,
    settings: Annotate,
) -> None:
    """Write the merged `labels` (LABELS) of the sample of `faces` (FACES).

    `answers` has a file for each of the settings' annotators; the order of neither files nor rows
    matters. The metadata of the labels has the estimated probability that one answer is wrong
    (`answer_error`). Raises `DataError` where files are damaged, differ in their faces, or have
    faces outside the sample, where the adjudication has a face that nobody differs on, and where a
    split lacks a side.
    """
    table = read_table(faces, FACES)
    sample = sample_of(table)
    places = places_of(answers, settings)
    read = read_all(places, settings, table)
    together = beside_each_other(read, places, settings.answers_per_face)
    _require_sampled(together.index, sample, faces, places)
    decided = pd.Series(dtype=str)
    if adjudication is not None:
        adjudicator = Person(answers=adjudication.name, words=SIDES_ALONE)
        given = read_answers(adjudication, adjudicator, table, needed=False)
        decided = given.set_index("face_id")["side"]
    merged = merge(together, decided, adjudication)
    simulated = is_simulated(settings)
    whose = [
        "+".join(together.columns[given])
        for given in together.reindex(merged["face_id"]).notna().to_numpy()
    ]
    merged = merged.assign(annotators=whose, simulated=simulated)
    require_both_sides(merged, sample, _and(places))
    counts = merged["provenance"].value_counts()
    log.info("of %d faces in the sample: %s", len(sample), counts.to_dict())
    about = {"simulated": str(simulated), "answer_error": repr(error_estimate(together))}
    write_table(merged, labels, LABELS, about)


def places_of(answers: list[Path], settings: Annotate) -> dict[str, str]:
    """Each annotator's file of `answers`, which are in the settings' order; sorted by name."""
    return dict(sorted(zip(settings.annotators, map(str, answers), strict=True)))


def read_all(
    places: Mapping[str, str], settings: Annotate, faces: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The answers (ANSWERS) of each annotator, of `places_of`, on `faces` (FACES)."""
    return {
        name: read_answers(path, as_given(path, settings.annotators[name]), faces)
        for name, path in places.items()
    }


def is_simulated(settings: Annotate) -> bool:
    """Whether a program answers for the annotators."""
    return any(person.error is not None for person in settings.annotators.values())


def merge(
    answers: pd.DataFrame, decided: "pd.Series[str]", place: str | Path | None = None
) -> pd.DataFrame:
    """One row a face: `face_id`, `side` (missing: contentious) and `provenance`, by face id.

    `answers` (faces, annotators) holds inside, outside or unsure; `decided` the adjudicated
    sides by face id, of the file `place`. A face is agreed when all answer one and the same side.
    """
    answers = answers.sort_index()
    agreed_on = agreed_side(answers)
    agreed = agreed_on.notna()
    differing = answers.index[~agreed]
    if len(needless := decided.index.difference(differing)):
        raise DataError(
            f"{place}: decides on {few(needless)}, on which the annotators agree, or which they"
            " did not see; keep the faces they differ on only"
        )
    adjudicated = answers.index.isin(decided.index)
    side = agreed_on.mask(adjudicated, decided.reindex(answers.index))
    provenance = np.select([agreed, adjudicated], ["agreed", "adjudicated"], "contentious")
    return pd.DataFrame(
        {"face_id": answers.index, "side": side.astype("str").array, "provenance": provenance}
    )


def error_estimate(answers: pd.DataFrame) -> float:
    """The probability that one answer is wrong, of `answers` (faces, annotators).

    NaN where no two name a side of one face.
    """
    return float(one_errs(differ(answers).mean()))


def differ(answers: pd.DataFrame) -> "pd.Series[bool]":
    """Whether two annotators differ, by face, for each pair of them who both name a side."""
    parts = []
    for one, two in combinations(answers.columns, 2):
        both = answers[one].isin(SIDES) & answers[two].isin(SIDES)
        parts.append(answers.loc[both, one] != answers.loc[both, two])
    return pd.concat(parts)


def one_errs(share: ArrayLike) -> NDArray[np.float64]:
    """The probability that one answer is wrong, where two differ with probability `share`.

    Two who err independently and alike differ with probability d = 2e(1 - e), so e = (1 - sqrt(1 -
    2d)) / 2; where they err unequally this overestimates their common errors. Errors that
    annotators share leave no trace here.
    """
    error: NDArray[np.float64] = (1 - np.sqrt(1 - 2 * np.minimum(share, 0.5))) / 2
    return error


def _require_sampled(
    faces: "pd.Index[str]", sample: pd.DataFrame, place: Path, places: Mapping[str, str]
) -> None:
    if len(strange := faces.difference(pd.Index(sample["face_id"]))):
        raise DataError(
            f"{_and(places)}: {few(strange)} outside the sample, which is the splits train and"
            f" test of {place}; were they labelled for another study or seed?"
        )


def _and(places: Mapping[str, str]) -> str:
    return " and ".join(places.values())
