"""Stage partition: every face of the target on one side of the boundary, or left out.

In the order of trust: a face's own human label (the data set's or the annotators'), the label of
the person's other pictures, the classifier's proposal. A human label is never changed. Paper 3.1.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap import tables
from facegap.errors import DataError
from facegap.files import whole, write_json
from facegap.intervals import Interval, of_clustered_share, plain

log = logging.getLogger(__name__)


def partition_target(
    faces_parquet: str | Path,
    aligned_parquet: str | Path,
    labels_parquet: str | Path,
    proposals_parquet: str | Path | None,
    sides_parquet: str | Path,
    sides_csv: str | Path,
    inside_txt: str | Path,
    outside_txt: str | Path,
    summary_json: str | Path,
    *,
    by_person: bool,
    threshold: float,
    contentious: str,
    confidence: float,
) -> None:
    """Write the fate (FACE_SIDES) of every face, the lists of both sides, and their summary.

    `proposals_parquet` (PROPOSALS) is None where the target labels itself. Raises `DataError`
    where labels or proposals speak of faces that the target has not.
    """
    faces = tables.read(faces_parquet, tables.FACES)
    labels = tables.read(labels_parquet, tables.LABELS)
    aligned = tables.read(aligned_parquet, tables.ALIGNED)
    proposals = pd.DataFrame({"face_id": pd.Series(dtype=str), "probability": 0.0})
    if proposals_parquet is not None:
        proposals = tables.read(proposals_parquet, tables.PROPOSALS)
    for place, table in ((labels_parquet, labels), (proposals_parquet, proposals)):
        if len(strange := table[~table["face_id"].isin(faces["face_id"])]):
            raise DataError(
                f"{place}: {len(strange)} faces are not in {faces_parquet}, first"
                f" {strange['face_id'].iloc[0]}; remake both from the same images"
            )
    known = evidence(faces, labels, proposals, aligned["face_id"], by_person=by_person)
    sides = decide(known, threshold=threshold, contentious=contentious)
    summary = {
        **counts(sides),
        "persons": int(faces["subject_id"].nunique()),
        "by_person": by_person,
        "threshold": threshold,
        "contentious": contentious,
        "label_error": label_error(known, sides, threshold, confidence),
        "simulated": bool(labels["simulated"].any()),
    }
    tables.write(sides, sides_parquet, tables.FACE_SIDES)
    tables.write(sides, sides_csv, tables.FACE_SIDES)
    for side, path in zip(tables.SIDES, (inside_txt, outside_txt), strict=True):
        with whole(path) as temporary:
            ids = sides["face_id"][sides["side"] == side]
            temporary.write_text("".join(f"{face}\n" for face in ids))
    write_json(summary, summary_json)
    log.info("%d faces: %s", len(sides), summary["sides"])


def evidence(
    faces: pd.DataFrame,
    labels: pd.DataFrame,
    proposals: pd.DataFrame,
    aligned: "pd.Series[str]",
    *,
    by_person: bool,
) -> pd.DataFrame:
    """What is known of each face, a row a face, by face id.

    `label`: its own human side, or missing; `provenance` of that label, missing without one.
    `person`: who it is, int; a face of an unknown person, and every face without `by_person`,
    is a person of its own. `inside`, `outside`: how many faces of the person have that label;
    `labelled`: how many have any, contentious ones too. `probability`: of inside, the mean of
    the proposals over the person's pictures; missing where the face has none. `found`: a crop
    of it exists. `split`: of the face.
    """
    known = faces[["face_id", "subject_id", "split"]].sort_values("face_id", ignore_index=True)
    own = labels.set_index("face_id").reindex(known["face_id"])
    who = known["subject_id"].where(known["subject_id"].notna() & by_person)
    alone = np.arange(len(known)) + len(known)  # beyond the codes of known persons
    person = pd.Series(np.where(who.isna(), alone, pd.factorize(who)[0]))
    guess = proposals.set_index("face_id")["probability"].reindex(known["face_id"])
    side, provenance = own["side"].array, own["provenance"].array
    known = known.assign(label=side, provenance=provenance, person=person)
    by = known.groupby("person")
    return known.assign(
        inside=(known["label"] == "inside").groupby(person).transform("sum"),
        outside=(known["label"] == "outside").groupby(person).transform("sum"),
        labelled=by["provenance"].transform("count"),
        probability=pd.Series(guess.to_numpy())
        .groupby(person)
        .transform("mean")
        .where(guess.notna().to_numpy()),
        found=known["face_id"].isin(aligned),
    )


def decide(known: pd.DataFrame, *, threshold: float, contentious: str) -> pd.DataFrame:
    """The fate (FACE_SIDES) of each face of `known` (of `evidence`), in its order.

    `contentious` is the side of faces whose people disagree, or "left out". `confidence` is the
    classifier's, on faces that have no label by people: accepted from `threshold` on.
    """
    own = known["label"].notna()
    person = ~own & (known["labelled"] > 0)
    by_person = person & ((known["inside"] > 0) ^ (known["outside"] > 0))
    disputed = person & ~by_person
    sureness = _sureness(known["probability"]).where(~own & ~person)
    proposed = sureness >= threshold
    of_person = np.where(known["inside"] > 0, *tables.SIDES)
    of_classifier = np.where(known["probability"] >= 0.5, *tables.SIDES)
    rule = "" if contentious == "left out" else contentious
    side = np.select(
        [own, by_person, disputed, proposed],
        [known["label"].fillna("").to_numpy(str), of_person, np.array(rule), of_classifier],
        "",
    )
    provenance = np.select(
        [own, by_person, disputed, proposed, known["found"]],
        [
            known["provenance"].fillna("").to_numpy(str),
            *map(np.array, ("by person", "contentious", "proposed", "no label")),
        ],
        "no face",
    )
    return pd.DataFrame(
        {
            "face_id": known["face_id"],
            "side": pd.Series(side).where(side != ""),
            "provenance": provenance,
            "confidence": sureness,
        }
    )


def _sureness(probability: "pd.Series[float]") -> "pd.Series[float]":
    return probability.where(probability >= 0.5, 1 - probability)


def counts(sides: pd.DataFrame) -> dict[str, Any]:
    """How many faces (FACE_SIDES) are where, and why; what each step after the labels added."""
    where = sides["side"].astype(object).where(sides["side"].notna(), "left out")
    places = (*tables.SIDES, "left out")
    table = pd.crosstab(sides["provenance"], where)
    table = table.reindex(index=tables.SIDE_PROVENANCES, columns=places, fill_value=0)
    people = sides["provenance"].isin(["own label", "agreed", "adjudicated"])
    return {
        "faces": len(sides),
        "sides": {place: int((where == place).sum()) for place in places},
        "provenance": {
            str(name): {str(place): int(row[place]) for place in places}
            for name, row in table.iterrows()
        },
        "labelled": int(people.sum()),
        "gained": {
            name: int((sides["provenance"] == name).sum()) for name in ("by person", "proposed")
        },
    }


def label_error(
    known: pd.DataFrame, sides: pd.DataFrame, threshold: float, confidence: float
) -> dict[str, dict[str, Any]]:
    """How often the sides of faces that have no human label of their own are wrong.

    Estimated where a human label can be set against what the procedure would say without it, for
    each way in which faces get a side: "proposed" on the test part, which no training saw; "by
    person" on all labelled faces, each against the person's other labels. "all" weighs them by
    the faces that got their side so (`applies_to`), with the interval by the square-and-add
    method (Newcombe 1998; Zou and Donner 2008). Wilson intervals on persons, not faces. People
    err too: where annotators agree on a wrong label, that counts against the procedure, so the
    estimate is of disagreement with people. Contentious faces have no side to be wrong about.
    """
    labelled = known[known["label"].notna()]
    test = labelled[labelled["split"] == "test"]
    sure = _sureness(test["probability"]) >= threshold
    others = {
        side: labelled[side] - (labelled["label"] == side).astype(int) for side in tables.SIDES
    }
    told = (others["inside"] > 0) ^ (others["outside"] > 0)
    evidenced = {
        "by person": (labelled[told], others["inside"][told] > 0),
        "proposed": (test[sure], test["probability"][sure] >= 0.5),
    }
    found: dict[str, dict[str, Any]] = {}
    errors, weights = [], []
    for name, (tested, inside) in evidenced.items():
        wrong = (tested["label"] == "inside") != inside
        errors.append(of_clustered_share(wrong, tested["person"], confidence))
        weights.append(int((sides["provenance"] == name).sum()))
        found[name] = {
            **plain(errors[-1]),
            "applies_to": weights[-1],
            "tested": len(tested),
            "persons": int(tested["person"].nunique()),
            "wrong": int(wrong.sum()),
        }
    together = _weighted(errors, np.array(weights))
    found["all"] = {**plain(together), "applies_to": sum(weights)}
    return found


def _weighted(parts: list[Interval], weights: np.ndarray) -> Interval:
    """The weighted mean of independent estimates, limits combined by square-and-add."""
    if not weights.sum():
        return Interval(*[float("nan")] * 3)
    used = weights > 0
    share = weights[used] / weights.sum()
    estimate, low, high = np.array(parts)[used].T
    if np.isnan(estimate).any():  # nothing to test a part on: only the bounds are known
        return Interval(float("nan"), float(share @ low), float(share @ high))
    mean = float(share @ estimate)
    down = float(np.sqrt((share**2 * (estimate - low) ** 2).sum()))
    up = float(np.sqrt((share**2 * (high - estimate) ** 2).sum()))
    return Interval(mean, max(mean - down, 0.0), min(mean + up, 1.0))
