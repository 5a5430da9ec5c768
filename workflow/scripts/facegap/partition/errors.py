"""How often the sides are wrong, with intervals; for drawn faces also how often they truly are."""

from typing import Any

import numpy as np
import pandas as pd

from facegap.partition.merge import GAINED, PEOPLE, unanimous
from facegap.statistics.interval import Interval, row, within
from facegap.statistics.proportions import correlated_wilson, in_trials, weighted_sum
from facegap.tables.base import SIDES

Part = dict[str, Any]
NOBODY = Interval(0.0, 0.0, 0.0)


def label_error(
    known: pd.DataFrame,
    sides: pd.DataFrame,
    error: Interval | None,
    confidence: float,
    side: str | None = None,
) -> dict[str, Part]:
    """How often the sides of faces are wrong, by their provenance, and over all of these.

    With `side`, of those that were placed there alone: where most faces lie inside, of the few that
    are placed outside more are wrong.

    `known` is EVIDENCE, `sides` FACE_SIDES in the same order; `error` is that of one answer of one
    annotator, None where nobody answered. A part is columns of ESTIMATES: estimate, low, high; the
    `faces` and `persons` it was tested on; `answers`, the faces it applies to. "people" and
    "verified" follow from `error` (`unanimous`), with the chance of as many faces, and of as many
    persons. "by person": each labelled face against the other labels of its person; where nobody
    has two, as sure as the label that is passed on.
    "pseudo-label": the annotated test part, which neither training nor threshold saw. Where a
    reference by people may be wrong itself, the share that differs is corrected for that (Rogan
    and Gladen 1978). "all" weights the parts by the faces they apply to, limits by square-and-add
    (Zou and Donner 2008). Contentious faces, placed by rule, have no label to be wrong about.
    """
    reference, verified = (
        NOBODY if error is None else Interval(*unanimous(error, _fewest(known[people])).tolist())
        for people in ("annotators", "verifiers")
    )
    by_others, by_classifier = _placed_by(known, side)
    placed = sides["side"].notna() if side is None else sides["side"] == side
    provenance = sides["provenance"]
    applied = {"people": provenance.isin(PEOPLE), **{name: provenance == name for name in GAINED}}
    applied = {name: of & placed for name, of in applied.items()}
    parts: dict[str, Part] = {
        "people": dict(row(in_trials(reference, int(applied["people"].sum()), confidence))),
        "verified": dict(
            row(in_trials(verified, _persons(known[applied["verified"]]), confidence))
        ),
        "by person": _against(
            known.loc[by_others.index],
            by_others,
            known[applied["by person"]],
            reference,
            confidence,
        ),
        "pseudo-label": _against(
            known.loc[by_classifier.index],
            by_classifier,
            known[applied["pseudo-label"]],
            reference,
            confidence,
        ),
    }
    if not parts["by person"]["faces"]:
        parts["by person"] |= row(reference)
    for name, part in parts.items():
        part["answers"] = int(applied[name].sum())
    everything = sum(part["answers"] for part in parts.values())
    return {**parts, "all": {**row(_weighted(parts)), "answers": everything}}


def _placed_by(
    known: pd.DataFrame, side: str | None
) -> tuple["pd.Series[bool]", "pd.Series[bool]"]:
    """Whether labelled faces are inside by their person's other labels, and by the classifier.

    Of faces on which either has a word; with `side`, of those that it places there.
    """
    labelled = known[known["label"].notna()]
    others = {name: labelled[name] - (labelled["label"] == name).astype(int) for name in SIDES}
    by_others = (others["inside"] > 0)[(others["inside"] > 0) ^ (others["outside"] > 0)]
    tested = labelled[(labelled["split"] == "test") & labelled["accepted"]]
    by_classifier = tested["probability"] >= 0.5
    if side is None:
        return by_others, by_classifier
    inside = side == "inside"
    return by_others[by_others == inside], by_classifier[by_classifier == inside]


def true_error(sides: pd.DataFrame, truth: "pd.Series[str]") -> tuple[float, int]:
    """The share of the sides of `label_error` that is wrong, and their number.

    `truth` has the side by face id. The share is NaN of none.
    """
    known = sides["side"].notna() & sides["provenance"].isin([*PEOPLE, *GAINED])
    wrong = known & (sides["side"] != sides["face_id"].map(truth))
    count = int(known.sum())
    return (float(wrong.sum() / count) if count else float("nan")), count


def _fewest(people: "pd.Series[int]") -> int:
    """The least number of people behind a label, of those labels that people gave."""
    some = people[people > 0]
    return int(some.min()) if len(some) else 1


def _against(
    tested: pd.DataFrame,
    inside: "pd.Series[bool]",
    applied: pd.DataFrame,
    reference: Interval,
    confidence: float,
) -> Part:
    """The error of calling the faces `tested` `inside` or not, for use on the faces `applied`."""
    wrong = (tested["label"] == "inside") != inside
    differs = correlated_wilson(wrong, tested["subject"], confidence, _persons(applied))
    doubt = reference.estimate
    share = np.clip((np.array(differs) - doubt) / (1 - 2 * doubt), 0, 1)
    return {
        **row(Interval(*share.tolist())),
        "faces": len(tested),
        "persons": int(tested["subject"].nunique()),
    }


def _persons(faces: pd.DataFrame) -> float:
    """Kish's effective number of persons among `faces`; infinite of no faces."""
    sizes = faces["subject"].value_counts().to_numpy(dtype=float)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else float("inf")


def _weighted(parts: dict[str, Part]) -> Interval:
    """The weighted mean of independent estimates, limits combined by square-and-add."""
    used = [part for part in parts.values() if part["answers"]]
    if not used:
        return Interval(*[float("nan")] * 3)
    weights = np.array([part["answers"] for part in used], dtype=float)
    share = weights / weights.sum()
    table = np.array([[part[name] for part in used] for name in Interval._fields])
    estimate, low, high = table
    if np.isnan(estimate).any():  # nothing to test a part on: only the bounds are known
        return Interval(float("nan"), float(share @ low), float(share @ high))
    return within(weighted_sum(list(map(Interval._make, table.T)), list(share)), 0.0, 1.0)
