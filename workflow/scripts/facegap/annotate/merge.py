"""Several people's answers, merged into one label a face."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from facegap import seeds, tables
from facegap.annotate.agreement import agreement
from facegap.annotate.sample import require_both_sides, sample_of
from facegap.errors import DataError
from facegap.files import write_json

log = logging.getLogger(__name__)


def merge_annotators(
    faces_parquet: str | Path,
    answers_csv: Sequence[str | Path],
    adjudication_csv: str | Path | None,
    labels_parquet: str | Path,
    agreement_json: str | Path,
    *,
    annotators: Sequence[str],
    errors: Mapping[str, float],
    seed: int,
    confidence: float,
) -> None:
    """Write the merged labels (LABELS) of the sample, and how far the annotators agree.

    `answers_csv` has a file for each of `annotators`; `errors` the planted error rate of those
    who are simulated. The order of neither files nor rows matters. Raises `DataError` where
    files are damaged, differ in their faces, or speak of faces outside the sample, where the
    adjudication speaks of a face that nobody differs on, and where a split lacks a side.
    """
    sample = sample_of(tables.read(faces_parquet, tables.FACES))
    files = dict(sorted(zip(annotators, map(Path, answers_csv), strict=True)))
    answers = {name: read_sides(path, (*tables.SIDES, "unsure")) for name, path in files.items()}
    together = _beside_each_other(answers, files)
    _require_sampled(together.index, sample, faces_parquet, files)
    decided = pd.Series(dtype=str)
    if adjudication_csv is not None:
        decided = read_sides(adjudication_csv, tables.SIDES)
    labels = merge(together, decided, adjudication_csv)
    labels = labels.assign(annotators="+".join(files), simulated=bool(errors))
    require_both_sides(labels, sample, _and(files))
    persons = sample.set_index("face_id")["subject_id"].reindex(together.index)
    rng = seeds.generator(seed, "annotate", "agreement")
    found = agreement(together, persons.fillna(together.index.to_series()), errors, rng, confidence)
    counts = labels["provenance"].value_counts()
    log.info("of %d faces in the sample: %s", len(sample), counts.to_dict())
    found |= {"unanswered": len(sample) - len(together), "simulated": bool(errors)}
    found |= {name: int(counts.get(name, 0)) for name in ("agreed", "adjudicated", "contentious")}
    tables.write(labels, labels_parquet, tables.LABELS, {"simulated": str(bool(errors))})
    write_json(found, agreement_json)


def merge(
    answers: pd.DataFrame, decided: "pd.Series[str]", place: str | Path | None = None
) -> pd.DataFrame:
    """One row a face: `face_id`, `side` (missing: contentious) and `provenance`, by face id.

    `answers` (faces, annotators) holds inside, outside or unsure; `decided` the adjudicated
    sides by face id, of the file `place`. A face is agreed when all say one and the same side.
    """
    answers = answers.sort_index()
    first = answers.iloc[:, 0]
    agreed = answers.eq(first, axis=0).all(axis=1) & first.isin(tables.SIDES)
    differing = answers.index[~agreed]
    if len(needless := decided.index.difference(differing)):
        raise DataError(
            f"{place}: decides on {_few(needless)}, on which the annotators agree, or which they"
            " did not see; keep the faces they differ on only"
        )
    adjudicated = answers.index.isin(decided.index)
    side = first.where(agreed, None).mask(adjudicated, decided.reindex(answers.index))
    provenance = np.select([agreed, adjudicated], ["agreed", "adjudicated"], "contentious")
    return pd.DataFrame(
        {"face_id": answers.index, "side": side.astype("str").array, "provenance": provenance}
    )


def read_sides(path: str | Path, allowed: Sequence[str]) -> "pd.Series[str]":
    """The column `side` of a person's CSV by its column `face_id`; other columns are let be."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' errors are among these
        raise DataError(f"{path}: not readable as CSV: {error}") from error
    for column in ("face_id", "side"):
        if column not in frame:
            raise DataError(f"{path}: no column {column}; it has {', '.join(frame.columns)}")
    if frame.empty:
        raise DataError(f"{path}: no answers")
    for line, (face, side) in enumerate(zip(frame["face_id"], frame["side"], strict=True), 2):
        if side not in allowed:
            raise DataError(
                f"{path}: line {line}, face {face}: {side!r} is none of {', '.join(allowed)}"
            )
    twice = frame["face_id"][frame["face_id"].duplicated()].unique()
    if len(twice):
        raise DataError(f"{path}: more than one answer for {_few(twice)}; keep one")
    return frame.set_index("face_id")["side"]


def _beside_each_other(
    answers: Mapping[str, "pd.Series[str]"], files: Mapping[str, Path]
) -> pd.DataFrame:
    """The answers as (faces, annotators), by face id; all have to speak of the same faces."""
    together = pd.DataFrame(dict(answers)).sort_index()
    lacks = {
        name: missing for name in answers if len(missing := together.index[together[name].isna()])
    }
    if lacks:
        raise DataError(
            "the annotators differ on the set of faces, and have to label the same: "
            + "; ".join(
                f"{files[name]} lacks {_few(faces)} of the {len(together)}"
                for name, faces in lacks.items()
            )
        )
    return together


def _require_sampled(
    faces: "pd.Index[str]",
    sample: pd.DataFrame,
    faces_parquet: str | Path,
    files: Mapping[str, Path],
) -> None:
    if len(strange := faces.difference(pd.Index(sample["face_id"]))):
        raise DataError(
            f"{_and(files)}: {_few(strange)} outside the sample, which is the splits train and"
            f" test of {faces_parquet}; were they labelled for another study or seed?"
        )


def _and(files: Mapping[str, Path]) -> str:
    return " and ".join(map(str, files.values()))


def _few(faces: "pd.Index[str] | np.ndarray") -> str:
    names = sorted(map(str, faces))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(names)} face{'s' * (len(names) > 1)} ({', '.join(names[:3])}{more})"
