"""The classifier's proposals, weighed: calibrated, accepted for a stated precision, or queued."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from facegap import tables
from facegap.errors import DataError
from facegap.intervals import of_correlated_share, plain

log = logging.getLogger(__name__)

PARTS = ("train", "test")
BINS = np.linspace(0, 1, 11)
SUREST = 1e-6  # probabilities are cut to this distance from 0 and 1 before the logit


def accept_proposals(
    faces_parquet: str | Path,
    labels_parquet: str | Path,
    proposals_parquet: str | Path,
    weighed_parquet: str | Path,
    queue_csv: str | Path,
    *,
    by_person: bool,
    precision: float,
) -> None:
    """Write the weighed proposals (WEIGHED) and the persons to verify (QUEUE).

    Confidence is calibrated, and the threshold chosen, on the annotated train part: the kept
    model, trained on the source, never saw it. The test part has no say, and measures the error.
    Raises `DataError` where labels or proposals speak of faces that the target has not.
    """
    faces = tables.read(faces_parquet, tables.FACES)
    labels = tables.read(labels_parquet, tables.LABELS)
    proposals = tables.read(proposals_parquet, tables.PROPOSALS)
    require_known(labels, faces, labels_parquet, faces_parquet)
    require_known(proposals, faces, proposals_parquet, faces_parquet)
    known = proposed_persons(faces, labels, proposals, by_person=by_person)
    weighed, queue, found = accept(known, precision=precision)
    tables.write(weighed, weighed_parquet, tables.WEIGHED)
    tables.write(queue, queue_csv, tables.QUEUE)
    log.info(
        "threshold %s; %d faces accepted, %d persons queued",
        *(found["threshold"], weighed["accepted"].sum(), len(queue)),
    )


def accept(
    known: pd.DataFrame, *, precision: float
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Of `known` (of `proposed_persons`): WEIGHED, QUEUE, and how it was decided, for JSON."""
    said, curve = calibrated(known)
    known = known.assign(calibrated=said)
    train, test = (known[(known["split"] == part) & known["label"].notna()] for part in PARTS)
    threshold = threshold_for(
        sureness(train["calibrated"]).to_numpy(float),
        _right(train).to_numpy(bool),
        train["person"].to_numpy(),
        precision,
    )
    accepted = sureness(known["calibrated"]) >= threshold
    queue = _queue(known, accepted)
    found = {
        "precision": precision,
        "threshold": threshold if np.isfinite(threshold) else None,
        "accepted_faces": int(accepted.sum()),
        "queued_persons": len(queue),
        "calibration": curve,
        "reliability": _reliability(test),
    }
    weighed = known[["face_id"]].assign(probability=known["calibrated"], accepted=accepted)
    return weighed, queue, found


def reached(
    known: pd.DataFrame, weighed: pd.DataFrame, confidence: float
) -> dict[str, dict[str, Any]]:
    """The precision of `accept` on the part that the threshold was chosen on, and on the other."""
    known = known.assign(calibrated=weighed["probability"])
    train, test = (known[(known["split"] == part) & known["label"].notna()] for part in PARTS)
    return {
        "chosen_on": _reached(train, weighed["accepted"], confidence),
        "tested_on": _reached(test, weighed["accepted"], confidence),
    }


def _reached(part: pd.DataFrame, accepted: "pd.Series[bool]", confidence: float) -> dict[str, Any]:
    """The precision among the accepted faces of one labelled part."""
    taken = part[accepted[part.index]]
    return {
        **plain(of_correlated_share(_right(taken), taken["subject"], confidence)),
        "accepted_faces": len(taken),
        "faces": len(part),
        "persons": int(part["subject"].nunique()),
    }


def require_known(
    table: pd.DataFrame, faces: pd.DataFrame, place: str | Path, faces_place: str | Path
) -> None:
    """A `DataError` where `table` speaks of faces that `faces` has not."""
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


def proposed_persons(
    faces: pd.DataFrame, labels: pd.DataFrame, proposals: pd.DataFrame, *, by_person: bool
) -> pd.DataFrame:
    """What is known of the faces with a proposal, a row a face, by face id.

    `person`: who it is, `by_person`; `subject`: who it is in any case. `label`: by people, or
    missing; `labelled`: someone labelled a picture of the person, be it contentious. `own`: the
    classifier's probability of inside; `raw`: its mean over the person's pictures. `split`.
    """
    known = faces[["face_id", "subject_id", "split"]].sort_values("face_id", ignore_index=True)
    known["person"] = person_of(known, by_person=by_person)
    known["subject"] = person_of(known, by_person=True)
    own = labels.set_index("face_id").reindex(known["face_id"])
    known["label"] = own["side"].array
    some = own["provenance"].notna().to_numpy()
    known["labelled"] = pd.Series(some).groupby(known["person"]).transform("any")
    guess = proposals.set_index("face_id")["probability"].reindex(known["face_id"])
    known["own"] = guess.to_numpy()
    known = known[known["own"].notna()].reset_index(drop=True)
    known["raw"] = known.groupby("person")["own"].transform("mean")
    return known


def calibrated(known: pd.DataFrame) -> tuple["pd.Series[float]", dict[str, float]]:
    """Platt's calibration (1999) of `raw`, fitted on the labelled train part, a row a person.

    `known` is of `proposed_persons`. Also the curve: p = 1 / (1 + exp(-(slope logit(raw) +
    intercept))). A falling curve turns a classifier that is wrong across the boundary around. As
    long as the labelled persons do not show both sides, nothing is changed.
    """
    from sklearn.linear_model import LogisticRegression  # a second that most jobs can spare

    train = known[(known["split"] == "train") & known["label"].notna()]
    train = train.drop_duplicates(["person", "label"])
    if train["label"].nunique() < 2:
        return known["raw"], {"slope": 1.0, "intercept": 0.0, "persons": 0}
    model = LogisticRegression(solver="newton-cholesky").fit(
        _logit(train["raw"]), train["label"] == "inside"
    )
    curve = {"slope": float(model.coef_[0, 0]), "intercept": float(model.intercept_[0])}
    said = model.predict_proba(_logit(known["raw"]))[:, 1]
    return pd.Series(said, known.index), {**curve, "persons": int(train["person"].nunique())}


def _logit(probability: "pd.Series[float]") -> NDArray[np.float64]:
    cut: NDArray[np.float64] = logit(probability.clip(SUREST, 1 - SUREST).to_numpy())
    return cut[:, None]


def sureness(probability: "pd.Series[float]") -> "pd.Series[float]":
    """Confidence in the likelier side."""
    return probability.where(probability >= 0.5, 1 - probability)


def _right(part: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the proposal on each labelled face says what people say."""
    return (part["calibrated"] >= 0.5) == (part["label"] == "inside")


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
    """A row a person whom nobody labelled and no proposal placed, the most uncertain first."""
    waiting = known[~known["labelled"] & ~accepted]
    waiting = waiting.assign(
        doubt=sureness(waiting["calibrated"]), off=(waiting["own"] - waiting["raw"]).abs()
    )
    shown = waiting.sort_values(["person", "off", "face_id"]).drop_duplicates("person")
    shown = shown.sort_values(["doubt", "face_id"]).rename(columns={"calibrated": "probability"})
    return shown[list(tables.QUEUE.columns)]


def _reliability(test: pd.DataFrame) -> list[dict[str, float]]:
    """Of test faces by tenths of the calibrated probability: its mean, and the share inside."""
    inside = test["label"] == "inside"
    bins = np.clip(np.digitize(test["calibrated"], BINS) - 1, 0, len(BINS) - 2)
    return [
        {
            "said": float(test["calibrated"][bins == k].mean()),
            "inside": float(inside[bins == k].mean()),
            "faces": int((bins == k).sum()),
        }
        for k in np.unique(bins)
    ]
