"""How often the sides are wrong, with intervals; for drawn faces also how often they truly are."""

from typing import Any

import numpy as np
import pandas as pd

from facegap import tables
from facegap.intervals import Interval, of_correlated_share, plain

PEOPLE = ("agreed", "adjudicated")


def unanimous(error: Interval, people: int) -> Interval:
    """The error of a side that `people` name, who err independently, each with chance `error`.

    All wrong, given that all say the same: e^k / (e^k + (1 - e)^k), rising in e below one half.
    """
    wrong, right = np.array(error) ** people, (1 - np.array(error)) ** people
    return Interval(*(wrong / (wrong + right)).tolist())


def label_error(
    known: pd.DataFrame, sides: pd.DataFrame, error: Interval | None, confidence: float
) -> dict[str, dict[str, Any]]:
    """How often the sides of faces are wrong, by how they got them, and over all of these.

    `known` is of `merge.evidence`, `sides` of `merge.decide` in the same order; `error` is that
    of one answer of one annotator, None where nobody was asked. "people" and "verified" follow
    from it (`unanimous`). "by person": each labelled face against the other labels of its person;
    where nobody has two, as sure as the label that is passed on. "proposed": the annotated test
    part, which neither training nor threshold saw. Where a reference by people may be wrong
    itself, the share that differs is set right for that (Rogan and Gladen 1978). "all" weighs
    the parts by the faces they apply to, limits by square-and-add (Zou and Donner 2008).
    Contentious faces, placed by rule, have no label to be wrong about.
    """
    nobody = Interval(0.0, 0.0, 0.0)
    reference = nobody if error is None else unanimous(error, _least(known["annotators"]))
    verified = nobody if error is None else unanimous(error, _least(known["verifiers"]))
    labelled = known[known["label"].notna()]
    others = {
        side: labelled[side] - (labelled["label"] == side).astype(int) for side in tables.SIDES
    }
    told = (others["inside"] > 0) ^ (others["outside"] > 0)
    tested = labelled[(labelled["split"] == "test") & labelled["accepted"]]
    provenance = sides["provenance"]
    faces_of = {
        "people": provenance.isin(PEOPLE),
        **{name: provenance == name for name in ("by person", "verified", "proposed")},
    }
    found = {
        "people": plain(reference),
        "verified": plain(verified),
        "by person": _against(
            labelled[told],
            others["inside"][told] > 0,
            known[faces_of["by person"]],
            reference,
            confidence,
        ),
        "proposed": _against(
            tested,
            tested["probability"] >= 0.5,
            known[faces_of["proposed"]],
            reference,
            confidence,
        ),
    }
    if not found["by person"]["tested"]:
        found["by person"] |= plain(reference)
    parts = {
        name: {**part, "applies_to": int(faces_of[name].sum())} for name, part in found.items()
    }
    together = _weighted(parts)
    applies_to = sum(part["applies_to"] for part in parts.values())
    return {**parts, "all": {**plain(together), "applies_to": applies_to}}


def true_error(sides: pd.DataFrame, truth: "pd.Series[str]") -> dict[str, Any]:
    """How many of the sides of `label_error` are wrong; `truth` has the side by face id."""
    told = sides["side"].notna() & sides["provenance"].isin(
        [*PEOPLE, "by person", "verified", "proposed"]
    )
    wrong = told & (sides["side"] != sides["face_id"].map(truth))
    share = float(wrong.sum() / told.sum()) if told.any() else None
    return {"estimate": share, "wrong": int(wrong.sum()), "faces": int(told.sum())}


def _least(people: "pd.Series[int]") -> int:
    """The least number of people behind a label, of those labels that people gave."""
    asked = people[people > 0]
    return int(asked.min()) if len(asked) else 1


def _against(
    tested: pd.DataFrame,
    inside: "pd.Series[bool]",
    applied: pd.DataFrame,
    reference: Interval,
    confidence: float,
) -> dict[str, Any]:
    """The error of saying `inside` of the faces `tested`, for use on the faces `applied`."""
    wrong = (tested["label"] == "inside") != inside
    differs = of_correlated_share(wrong, tested["subject"], confidence, _persons(applied))
    doubt = reference.estimate
    share = np.clip((np.array(differs) - doubt) / (1 - 2 * doubt), 0, 1)
    return {
        **plain(Interval(*share.tolist())),
        "tested": len(tested),
        "persons": int(tested["subject"].nunique()),
        "wrong": int(wrong.sum()),
    }


def _persons(faces: pd.DataFrame) -> float:
    """Kish's effective number of persons among `faces`; endless where there are none."""
    sizes = faces["subject"].value_counts().to_numpy(dtype=float)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(sizes) else float("inf")


def _weighted(parts: dict[str, dict[str, Any]]) -> Interval:
    """The weighted mean of independent estimates, limits combined by square-and-add."""
    used = [part for part in parts.values() if part["applies_to"]]
    if not used:
        return Interval(*[float("nan")] * 3)
    weights = np.array([part["applies_to"] for part in used], dtype=float)
    share = weights / weights.sum()
    table = pd.DataFrame(used)[["estimate", "low", "high"]].astype(float).to_numpy().T
    estimate, low, high = table
    if np.isnan(estimate).any():  # nothing to test a part on: only the bounds are known
        return Interval(float("nan"), float(share @ low), float(share @ high))
    mean = float(share @ estimate)
    down = float(np.sqrt((share**2 * (estimate - low) ** 2).sum()))
    up = float(np.sqrt((share**2 * (high - estimate) ** 2).sum()))
    return Interval(mean, max(mean - down, 0.0), min(mean + up, 1.0))
