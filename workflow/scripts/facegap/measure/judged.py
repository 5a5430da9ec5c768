"""What a model gave for each face, judged by what is known of the face: values and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facegap.audit_metrics import SIGNED, UNBOUNDED, better
from facegap.measure.by_group import Chosen, Metric
from facegap.statistics.performance import (
    SHARE,
    SKEWED,
    Answers,
    Measured,
    Stratum,
    auroc,
    paired,
)

Values = NDArray[np.float64]
TINY = float(np.finfo(float).tiny)  # a number below it may count as 0
EYES = (36, 45)  # outer corners, of the 68 points
FIVE = (range(36, 42), range(42, 48), [30], [48], [54])  # of the 68, whose means are CelebA's five


@dataclass(frozen=True)
class Judged:
    """Of one task of a model, over faces (n,).

    `values` has, by metric, what each face contributes to its mean, NaN where the face has no part
    in it (a true positive rate is of positive faces alone). `kinds` are codes of the right answers
    for balanced accuracy, -1 where unknown; `answers` are probabilities, if there are any.
    """

    task: str
    values: Mapping[str, Values]
    person: NDArray[np.int64]
    kinds: NDArray[np.int64] | None = None
    answers: Answers | None = None
    threshold: float | None = None

    def metrics(self) -> dict[str, Metric]:
        """By name, those that are means first."""
        found = {name: _mean_metric(name, values, self.person) for name, values in self.items()}
        if self.kinds is not None and "accuracy" in self.values:
            found["balanced accuracy"] = Metric(self._balanced)
        if self.answers is not None:
            found["AUROC"] = Metric(self._auroc, skewed=True)
        return found

    def items(self) -> list[tuple[str, Values]]:
        """The values by metric."""
        return list(self.values.items())

    def _balanced(self, chosen: Chosen) -> Measured | None:
        assert self.kinds is not None
        right = self.values["accuracy"]
        known = chosen & (self.kinds >= 0) & np.isfinite(right)
        classes = np.unique(self.kinds[known])
        every = np.unique(self.kinds[(self.kinds >= 0) & np.isfinite(right)])
        if len(classes) < len(every) or len(every) < 2:
            return None
        return mean_of_means(right, [known & (self.kinds == kind) for kind in classes], self.person)

    def _auroc(self, chosen: Chosen) -> Measured | None:
        assert self.answers is not None
        known = chosen & np.isfinite(self.answers.probability[0])
        inside = self.answers.inside[known]
        if not 0 < inside.sum() < len(inside):
            return None
        part = (inside, self.answers.person[known], self.answers.probability[:, known])
        return auroc(Answers(*part))


def _mean_metric(name: str, values: Values, person: NDArray[np.int64]) -> Metric:
    high = np.inf if name in UNBOUNDED else 1.0
    low = -high if name in SIGNED else 0.0

    def of(chosen: Chosen) -> Measured | None:
        return mean_of_means(values, [chosen & np.isfinite(values)], person, bounded=high == 1.0)

    return Metric(of, low, high, name in SKEWED, better(name))


def mean_of_means(
    values: Values, parts: list[Chosen], person: NDArray[np.int64], bounded: bool = True
) -> Measured | None:
    """The mean over `parts` of the means of `values` (n,); None where one has no face."""
    if not all(part.any() for part in parts):
        return None
    share = 1 / len(parts)
    zero_one = bounded and set(np.unique(values[np.any(parts, axis=0)])) <= {0.0, 1.0}
    extra = SHARE if zero_one else ()
    strata = tuple(
        Stratum((values[None, part],), person[part], share, share, extra) for part in parts
    )
    mean = sum(share * values[part].mean() for part in parts)
    return Measured(strata, (np.array([mean]),))


def paired_metric(name: str, one: Values, other: Values, person: NDArray[np.int64]) -> Metric:
    """One model less another, on the faces for which both gave something."""
    both = np.isfinite(one) & np.isfinite(other)
    high = np.inf if name in UNBOUNDED else 1.0

    def of(chosen: Chosen) -> Measured | None:
        parts = [chosen & both]
        first, second = (
            mean_of_means(values, parts, person, bounded=high == 1.0) for values in (one, other)
        )
        return None if first is None or second is None else paired(first, second)

    return Metric(of, -high, high, better=better(name))


def is_positive(truth: "pd.Series[Any]", positive: list[Any] | None) -> NDArray[np.bool_]:
    """Whether the right answer (n,) is positive: one of `positive`, or else 1 or male."""
    found: NDArray[np.bool_] = as_words(truth).isin(_words(positive)).to_numpy(bool)
    return found


def as_words(values: "pd.Series[Any]") -> "pd.Series[str]":
    """Answers as people write them, 1.0 as 1; missing ones stay missing."""
    return values.map(lambda value: str(_plain(value)), na_action="ignore")


def classified(
    task: str,
    outputs: pd.DataFrame,
    truth: "pd.Series[Any]",
    person: NDArray[np.int64],
    positive: list[Any] | None,
    threshold: float,
) -> Judged:
    """A classifier's answers; `outputs` has score and label, a row a face (n), as `truth` has.

    Positive are the `positive` values, else 1; where there are scores, from `threshold` on. Labels
    of several kinds are compared as words.
    """
    known = truth.notna().to_numpy(bool)
    truly = is_positive(truth, positive)
    scores = outputs["score"].to_numpy(float)
    if np.isfinite(scores).any():
        predicted, answered = scores >= threshold, np.isfinite(scores) & known
        right, kinds = predicted == truly, np.where(known, truly, -1)
        answers = Answers(truly, person, np.where(known, scores, np.nan)[None])
    else:
        words, true_words = as_words(outputs["label"]), as_words(truth)
        answered = words.notna().to_numpy(bool) & known
        right = words.to_numpy(object) == true_words.to_numpy(object)  # by place: indices differ
        kinds = np.where(known, pd.factorize(true_words)[0], -1)
        predicted, answers = words.isin(_words(positive)).to_numpy(bool), None
    values = {"accuracy": _where(answered, right)}
    if answers is not None or true_two(truth, positive):
        values["true positive rate"] = _where(answered & truly, predicted)
        values["false positive rate"] = _where(answered & ~truly, predicted)
    if answers is not None:
        values["Brier score"] = _where(answered, (scores - truly) ** 2)
        values["calibration bias"] = _where(answered, scores - truly)
    return Judged(task, values, person, kinds.astype(np.int64), answers, threshold)


def true_two(truth: "pd.Series[Any]", positive: list[Any] | None) -> bool:
    """Whether the right answers are of two kinds, one of which is positive."""
    words = set(as_words(truth).dropna())
    return len(words) == 2 and bool(words & _words(positive))


def threshold_on(
    scores: Values, positive: NDArray[np.bool_], chosen: Chosen, rate: float
) -> float | None:
    """The least threshold at which at most `rate` of the chosen negative faces are positive."""
    negatives = np.sort(scores[chosen & ~positive & np.isfinite(scores)])
    if not len(negatives):
        return None
    allowed = int(np.floor(rate * len(negatives) + 1e-9))
    above = negatives[len(negatives) - allowed - 1]
    return max(float(np.nextafter(above, np.inf)), TINY)


def regressed(
    task: str, outputs: pd.DataFrame, truth: "pd.Series[Any]", person: NDArray[np.int64]
) -> Judged:
    """A regressor's values, a row a face (n), beside the numbers in `truth`."""
    error = outputs["value"].to_numpy(float) - pd.to_numeric(truth, errors="coerce").to_numpy(float)
    return Judged(task, {"absolute error": np.abs(error), "bias": error}, person)


def detected(given: pd.DataFrame, faces: pd.DataFrame, person: NDArray[np.int64]) -> Judged:
    """A detector's answers, a row a face (n) as in `faces`; box and points in pixels of the image.

    Boxes are compared with the one around the 68 known points of drawn faces.
    """
    answered = given["found"].notna().to_numpy(bool)
    found = answered & given["found"].eq(True).to_numpy(bool)
    values = {"not found": _where(answered, ~found)}
    points = (
        given["points"]
        .where(found)
        .dropna()
        .set_axis(faces["face_id"].to_numpy()[found & given["points"].notna().to_numpy(bool)])
    )
    error = landmark_error(faces, points)
    overlap = _overlap(given, faces, found)
    for name, each in (("landmark error", error), ("box overlap", overlap)):
        if np.isfinite(each).any():
            values[name] = each
    return Judged("detection", values, person)


def _overlap(given: pd.DataFrame, faces: pd.DataFrame, found: NDArray[np.bool_]) -> Values:
    """Intersection over union with the box around the known points (n,); NaN where unknown."""
    overlap = np.full(len(faces), np.nan)
    if "landmarks" not in faces:
        return overlap
    boxes = given[["x", "y", "width", "height"]].to_numpy(float)
    for k in np.flatnonzero(found & np.isfinite(boxes).all(1)):
        known = np.asarray(faces["landmarks"].iloc[k], float).reshape(-1, 2)
        low, high = known.min(0), known.max(0)
        start, end = boxes[k, :2], boxes[k, :2] + boxes[k, 2:]
        shared = np.clip(np.minimum(high, end) - np.maximum(low, start), 0, None).prod()
        overlap[k] = shared / ((high - low).prod() + boxes[k, 2:].prod() - shared)
    return overlap


def landmark_error(faces: pd.DataFrame, given: "pd.Series[Any]") -> Values:
    """Mean distance of points from the known ones, over that between the eyes (n,).

    `given` has, by face id, the 68 points or CelebA's five (x and y in turn). The known ones are
    the 68 of drawn faces (eyes: their outer corners), or CelebA's five (eyes: their middles). NaN
    where either is missing.
    """
    name = next((each for each in ("landmarks", "official_landmarks") if each in faces), None)
    found = np.full(len(faces), np.nan)
    if name is None:
        return found
    for k, (face_id, known) in enumerate(zip(faces["face_id"], faces[name], strict=True)):
        if known is not None and np.ndim(known) and face_id in given.index:
            true, own = (np.asarray(each, float).reshape(-1, 2) for each in (known, given[face_id]))
            eyes = true[list(EYES)] if len(true) == 68 else true[:2]
            if len(true) != len(own):
                true, own = _five(true), _five(own)
            between = np.linalg.norm(eyes[0] - eyes[1])
            found[k] = np.linalg.norm(own - true, axis=1).mean() / between if between else np.nan
    return found


def _five(points: Values) -> Values:
    """Of 68 points the five that CelebA has; five as they are."""
    return points if len(points) == 5 else np.stack([points[list(part)].mean(0) for part in FIVE])


def _where(chosen: Chosen, values: NDArray[Any]) -> Values:
    found: Values = np.where(chosen, values.astype(float), np.nan)
    return found


def _words(positive: list[Any] | None) -> set[str]:
    return {str(_plain(value)) for value in positive} if positive else {"1", "male", "True"}


def _plain(value: Any) -> Any:
    """A whole number without its point, as people write it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
