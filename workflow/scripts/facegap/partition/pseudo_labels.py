"""The classifier's pseudo-labels: calibrated, accepted for a stated precision, or queued."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from facegap.errors import DataError
from facegap.parts import CALIBRATION, halves
from facegap.settings.partition import Partition
from facegap.statistics.multiplicity import fixed_sequence
from facegap.statistics.proportions import exceeds_p
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
    accepted, waiting, facts = accept(
        known, precision=settings.precision, confidence=settings.confidence
    )
    write_table(accepted, calibrated, CALIBRATED, {"acceptance": json.dumps(facts)})
    write_table(waiting, queue, QUEUE)
    log.info(
        "threshold %s; %d faces accepted, %d persons queued",
        *(facts["threshold"], facts["accepted_faces"], facts["queued_persons"]),
    )


def accept(
    known: pd.DataFrame, *, precision: float, confidence: float
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
        precision=precision,
        confidence=confidence,
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
    train = known[(known["split"] == CALIBRATION) & known["label"].notna()]
    train = train.drop_duplicates(["person", "label"])
    if train["label"].nunique() < 2:
        return known["raw"], {"slope": 1.0, "intercept": 0.0, "persons": 0}
    slope, intercept = platt(_logit(train["raw"]), (train["label"] == "inside").to_numpy(bool))
    probability = pd.Series(expit(slope * _logit(known["raw"]) + intercept), known.index)
    curve = {"slope": slope, "intercept": intercept, "persons": int(train["person"].nunique())}
    return probability, curve


def platt(score: NDArray[np.float64], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the curve through `score` (n,) that is most likely, without penalty.

    Platt's targets, (n₊ + 1) / (n₊ + 2) inside and 1 / (n₋ + 2) outside, are what keeps the slope
    finite where a score tells the sides apart without error.
    """
    from sklearn.linear_model import LogisticRegression  # a second that most jobs can spare

    if np.ptp(score) == 0:  # any slope is as likely
        return 0.0, float(logit(_targets(inside).mean()))
    target = _targets(inside)
    twice, sides = np.tile(score, 2)[:, None], np.repeat([True, False], len(score))
    weights = np.concatenate([target, 1 - target])
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    model.fit(twice, sides, weights)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _targets(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    inside_target, outside_target = (
        (inside.sum() + 1) / (inside.sum() + 2),
        1 / ((~inside).sum() + 2),
    )
    targets: NDArray[np.float64] = np.where(inside, inside_target, outside_target)
    return targets


def _logit(probability: "pd.Series[float]") -> NDArray[np.float64]:
    cut: NDArray[np.float64] = logit(probability.clip(SUREST, 1 - SUREST).to_numpy())
    return cut


def sureness(probability: "pd.Series[float]") -> "pd.Series[float]":
    """Confidence in the likelier side."""
    return probability.where(probability >= 0.5, 1 - probability)


def threshold_for(
    sure: NDArray[Any],
    right: NDArray[Any],
    person: NDArray[Any],
    *,
    precision: float,
    confidence: float,
) -> float:
    """The least sureness from which `precision` is shown; infinite if none.

    `sure` is (n,) float, `right` (n,) bool, `person` (n,) int. Persons are counted, since their
    faces go together: right is one all of whose faces that are so sure are right. Shown is that
    more than `precision` of such persons are right, with `confidence`, by a sequence of tests from
    the surest downwards: where one fails, the least sureness before it stands. The first has as
    many persons as would do without an error; fewer cannot tell such a precision.
    """
    levels, level = np.unique(-sure, return_inverse=True)
    first = pd.Series(level).groupby(person).min().to_numpy(dtype=np.int64)
    wrong = pd.Series(level[~right]).groupby(person[~right]).min().to_numpy(dtype=np.int64)
    persons, errors = (np.cumsum(np.bincount(at, minlength=len(levels))) for at in (first, wrong))
    enough = exceeds_p(persons, persons, precision) <= 1 - confidence
    tested = np.flatnonzero(enough)
    p = exceeds_p((persons - errors)[tested], persons[tested], precision)
    shown = fixed_sequence(p, 1 - confidence)
    return float(-levels[tested[shown - 1]]) if shown else float("inf")


def _queue(known: pd.DataFrame, accepted: "pd.Series[bool]") -> pd.DataFrame:
    """A row a person whom nobody labelled and no pseudo-label placed, the most uncertain first."""
    waiting = known[~known["labelled"] & ~accepted]
    waiting = waiting.assign(
        doubt=sureness(waiting["calibrated"]), off=(waiting["own"] - waiting["raw"]).abs()
    )
    shown = waiting.sort_values(["person", "off", "face_id"]).drop_duplicates("person")
    shown = shown.sort_values(["doubt", "face_id"]).rename(columns={"calibrated": "probability"})
    return shown[list(QUEUE.columns)]
