"""The classifier's pseudo-labels: calibrated, accepted for a stated precision, or queued."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from facegap.errors import DataError
from facegap.parts import CALIBRATION, halves
from facegap.settings.partition import Partition
from facegap.tables.acquire import FACES
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PSEUDO_LABELS
from facegap.tables.partition import CALIBRATED, QUEUE

log = logging.getLogger(__name__)

SUREST = 1e-6  # probabilities are cut to this distance from 0 and 1 before the logit


def accept_pseudo_labels(
    *,
    faces: Path,
    labels: Path,
    pseudo_labels: Path,
    calibrated: Path,
    queue: Path,
    settings: Partition,
    seed: int,
) -> None:
    """Write the `calibrated` pseudo-labels (CALIBRATED) and the `queue` of persons to verify.

    Confidence is calibrated, and the threshold chosen, on the half of the annotated training part
    that selected no configuration: the model, trained on the source, never saw it. The test part
    has no say, and measures the error.
    The metadata of the calibrated ones has under `acceptance` how it was decided (of `accept`, as
    JSON). Raises `DataError` where labels (LABELS) or pseudo-labels (PSEUDO_LABELS) have faces that
    the target's `faces` (FACES) lack.
    """
    table, given = read_table(faces, FACES), read_table(labels, LABELS)
    raw = read_table(pseudo_labels, PSEUDO_LABELS)
    require_known(given, table, labels, faces)
    require_known(raw, table, pseudo_labels, faces)
    table["split"] = halves(table, "target", seed)
    known = pseudo_labelled(table, given, raw, by_person=settings.by_person)
    accepted, waiting, facts = accept(known, precision=settings.precision)
    write_table(accepted, calibrated, CALIBRATED, {"acceptance": json.dumps(facts)})
    write_table(waiting, queue, QUEUE)
    log.info(
        "threshold %s; %d faces accepted, %d persons queued",
        *(facts["threshold"], facts["accepted_faces"], facts["queued_persons"]),
    )


def accept(
    known: pd.DataFrame, *, precision: float
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Of `known` (of `pseudo_labelled`): CALIBRATED, QUEUE, and how it was decided, for JSON."""
    probability, curve = calibrate(known)
    known = known.assign(calibrated=probability)
    train = known[(known["split"] == CALIBRATION) & known["label"].notna()]
    right = (train["calibrated"] >= 0.5) == (train["label"] == "inside")
    threshold = threshold_for(
        sureness(train["calibrated"]).to_numpy(float),
        right.to_numpy(bool),
        train["person"].to_numpy(),
        precision,
    )
    accepted = sureness(known["calibrated"]) >= threshold
    waiting = _queue(known, accepted)
    facts = {
        "threshold": threshold if np.isfinite(threshold) else None,
        "accepted_faces": int(accepted.sum()),
        "queued_persons": len(waiting),
        "curve": curve,
    }
    table = known[["face_id"]].assign(probability=known["calibrated"], accepted=accepted)
    return table, waiting, facts


def require_known(
    table: pd.DataFrame, faces: pd.DataFrame, place: str | Path, faces_place: str | Path
) -> None:
    """A `DataError` where `table` has faces that `faces` lacks."""
    known = pd.Index(faces["face_id"])
    if len(strange := table[known.get_indexer(table["face_id"]) < 0]):
        raise DataError(
            f"{place}: {len(strange)} faces are not in {faces_place}, first"
            f" {strange['face_id'].iloc[0]}; remake both from the same images"
        )


def person_of(faces: pd.DataFrame, *, by_person: bool) -> NDArray[np.int64]:
    """Who each face shows, int64 (n,), by row of `faces`.

    A face of an unknown person, and every face without `by_person`, is a person of its own.
    """
    who = faces["subject_id"].where(faces["subject_id"].notna() & by_person)
    alone = np.arange(len(faces)) + len(faces)  # beyond the codes of known persons
    codes: NDArray[np.int64] = np.where(who.isna(), alone, pd.factorize(who, sort=True)[0])
    return codes


def pseudo_labelled(
    faces: pd.DataFrame, labels: pd.DataFrame, pseudo_labels: pd.DataFrame, *, by_person: bool
) -> pd.DataFrame:
    """What is known of the faces with a pseudo-label, a row a face, by face id.

    `person`: who it is, `by_person`. `label`: by people, or missing; `labelled`: somebody labelled
    a picture of the person, be it contentious. `own`: the classifier's probability of inside;
    `raw`: its mean over the person's pictures. `split`.
    """
    known = faces[["face_id", "subject_id", "split"]].sort_values("face_id", ignore_index=True)
    known["person"] = person_of(known, by_person=by_person)
    own = labels.set_index("face_id").reindex(known["face_id"])
    known["label"] = own["side"].array
    some = own["provenance"].notna().to_numpy()
    known["labelled"] = pd.Series(some).groupby(known["person"]).transform("any")
    guess = pseudo_labels.set_index("face_id")["probability"].reindex(known["face_id"])
    known["own"] = guess.to_numpy()
    known = known[known["own"].notna()].reset_index(drop=True)
    known["raw"] = known.groupby("person")["own"].transform("mean")
    return known


def calibrate(known: pd.DataFrame) -> tuple["pd.Series[float]", dict[str, float]]:
    """Platt's calibration (1999) of `raw`, fitted on the labelled train part, a row a person.

    `known` is of `pseudo_labelled`. Also the curve: p = 1 / (1 + exp(-(slope logit(raw) +
    intercept))). A falling curve turns a classifier that is wrong across the boundary around. As
    long as the labelled persons do not show both sides, nothing is changed.
    """
    from sklearn.linear_model import LogisticRegression  # a second that most jobs can spare

    train = known[(known["split"] == CALIBRATION) & known["label"].notna()]
    train = train.drop_duplicates(["person", "label"])
    if train["label"].nunique() < 2:
        return known["raw"], {"slope": 1.0, "intercept": 0.0, "persons": 0}
    model = LogisticRegression(solver="newton-cholesky").fit(
        _logit(train["raw"]), train["label"] == "inside"
    )
    curve = {"slope": float(model.coef_[0, 0]), "intercept": float(model.intercept_[0])}
    probability = model.predict_proba(_logit(known["raw"]))[:, 1]
    return pd.Series(probability, known.index), {**curve, "persons": int(train["person"].nunique())}


def _logit(probability: "pd.Series[float]") -> NDArray[np.float64]:
    cut: NDArray[np.float64] = logit(probability.clip(SUREST, 1 - SUREST).to_numpy())
    return cut[:, None]


def sureness(probability: "pd.Series[float]") -> "pd.Series[float]":
    """Confidence in the likelier side."""
    return probability.where(probability >= 0.5, 1 - probability)


def threshold_for(
    sure: NDArray[Any], right: NDArray[Any], person: NDArray[Any], precision: float
) -> float:
    """The least sureness from which a share of at least `precision` is right; infinite if none.

    `sure` is (n,) float, `right` (n,) bool, `person` (n,) int. At least 1 / (1 - `precision`)
    persons have to be that sure, since fewer cannot tell such a precision.
    """
    levels, level = np.unique(-sure, return_inverse=True)
    first = pd.Series(level).groupby(person).min().to_numpy(dtype=np.int64)
    parts = [(level, right), (level, None), (first, None)]
    rights, faces, persons = (
        np.cumsum(np.bincount(where, weights, len(levels))) for where, weights in parts
    )
    enough = (persons >= 1 / (1 - precision) - 1e-9) & (rights >= precision * faces - 1e-9)
    return float(-levels[np.flatnonzero(enough)[-1]]) if enough.any() else float("inf")


def _queue(known: pd.DataFrame, accepted: "pd.Series[bool]") -> pd.DataFrame:
    """A row a person whom nobody labelled and no pseudo-label placed, the most uncertain first."""
    waiting = known[~known["labelled"] & ~accepted]
    waiting = waiting.assign(
        doubt=sureness(waiting["calibrated"]), off=(waiting["own"] - waiting["raw"]).abs()
    )
    shown = waiting.sort_values(["person", "off", "face_id"]).drop_duplicates("person")
    shown = shown.sort_values(["doubt", "face_id"]).rename(columns={"calibrated": "probability"})
    return shown[list(QUEUE.columns)]
