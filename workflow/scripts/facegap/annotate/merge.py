"""Several people's answers, merged into one label a face."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facegap import seeds, tables
from facegap.annotate.agreement import agreement, error_estimate
from facegap.annotate.sample import require_both_sides, sample_of
from facegap.answers import Format, agreed_side, beside_each_other, few, read_answers
from facegap.errors import DataError
from facegap.files import write_json

log = logging.getLogger(__name__)


def merge_annotators(
    faces_parquet: str | Path,
    answers_csv: Sequence[str | Path],
    adjudication_csv: str | Path | None,
    labels_parquet: str | Path,
    *,
    annotators: Sequence[str],
    formats: Mapping[str, Format],
    simulated: bool,
) -> None:
    """Write the merged labels (LABELS) of the sample.

    `answers_csv` has a file for each of `annotators`, of the formats in `formats` (facegap's own
    where they have none). The order of neither files nor rows matters. The file says how often one
    answer is wrong, as far as can be told (`answer_error`). Raises `DataError` where files are
    damaged, differ in their faces, or speak of faces outside the sample, where the adjudication
    speaks of a face that nobody differs on, and where a split lacks a side.
    """
    sample = sample_of(tables.read(faces_parquet, tables.FACES))
    files = dict(sorted(zip(annotators, map(str, answers_csv), strict=True)))
    together = beside_each_other(_read(files, formats), files)
    _require_sampled(together.index, sample, faces_parquet, files)
    decided = pd.Series(dtype=str)
    if adjudication_csv is not None:
        words = {name: [name] for name in tables.SIDES}
        decided = read_answers(adjudication_csv, Format(words=words)).set_index("face_id")["side"]
    labels = merge(together, decided, adjudication_csv)
    labels = labels.assign(annotators="+".join(files), simulated=simulated)
    require_both_sides(labels, sample, _and(files))
    counts = labels["provenance"].value_counts()
    log.info("of %d faces in the sample: %s", len(sample), counts.to_dict())
    about = {"simulated": str(simulated), "answer_error": repr(error_estimate(together))}
    tables.write(labels, labels_parquet, tables.LABELS, about)


def measure_agreement(
    faces_parquet: str | Path,
    answers_csv: Sequence[str | Path],
    labels_parquet: str | Path,
    agreement_json: str | Path,
    *,
    annotators: Sequence[str],
    formats: Mapping[str, Format],
    errors: Mapping[str, float],
    seed: int,
    confidence: float,
) -> None:
    """Write how far the annotators agree whose answers were merged into the labels (LABELS).

    Apart from the labels, since nothing is trained on it. `errors` has the planted error rates of
    those who are simulated.
    """
    sample = sample_of(tables.read(faces_parquet, tables.FACES))
    files = dict(sorted(zip(annotators, map(str, answers_csv), strict=True)))
    answers = _read(files, formats)
    together = beside_each_other(answers, files)
    rng = seeds.generator(seed, "annotate", "agreement")
    again = {name: steady(table) for name, table in answers.items()}
    found = agreement(together, about(sample, answers), again, errors, rng, confidence)
    counts = tables.read(labels_parquet, tables.LABELS)["provenance"].value_counts()
    found |= {"unanswered": len(sample) - len(together), "simulated": bool(errors)}
    found |= {name: int(counts.get(name, 0)) for name in ("agreed", "adjudicated", "contentious")}
    write_json(found, agreement_json)


def _read(files: Mapping[str, str], formats: Mapping[str, Format]) -> dict[str, pd.DataFrame]:
    return {name: read_answers(path, formats.get(name)) for name, path in files.items()}


def merge(
    answers: pd.DataFrame, decided: "pd.Series[str]", place: str | Path | None = None
) -> pd.DataFrame:
    """One row a face: `face_id`, `side` (missing: contentious) and `provenance`, by face id.

    `answers` (faces, annotators) holds inside, outside or unsure; `decided` the adjudicated
    sides by face id, of the file `place`. A face is agreed when all say one and the same side.
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


def about(sample: pd.DataFrame, answers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What agreement is broken down by, for each answered face: person, gender, tentative."""
    rows = pd.concat(answers.values())
    tentative = rows[rows["showing"] == 0].groupby("face_id")["tentative"].any()
    of_face = sample.set_index("face_id").reindex(tentative.index)
    person = of_face["subject_id"].fillna(tentative.index.to_series())
    return pd.DataFrame({"person": person, "gender": of_face["gender"], "tentative": tentative})


def steady(answers: pd.DataFrame) -> "pd.Series[bool]":
    """Whether one annotator answered (ANSWERS) alike on each face shown twice, by face id."""
    twice = answers.pivot(index="face_id", columns="showing", values="side")
    if 1 not in twice:
        return pd.Series(dtype=bool)
    twice = twice.dropna()
    return twice[0] == twice[1]


def _require_sampled(
    faces: "pd.Index[str]",
    sample: pd.DataFrame,
    faces_parquet: str | Path,
    files: Mapping[str, str],
) -> None:
    if len(strange := faces.difference(pd.Index(sample["face_id"]))):
        raise DataError(
            f"{_and(files)}: {few(strange)} outside the sample, which is the splits train and"
            f" test of {faces_parquet}; were they labelled for another study or seed?"
        )


def _and(files: Mapping[str, str]) -> str:
    return " and ".join(files.values())
