"""The merge: one fate a face, from labels, from the person's other pictures, from proposals."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from facegap import tables
from facegap.answers import Format, read_answers
from facegap.files import whole
from facegap.intervals import Interval
from facegap.partition.errors import PEOPLE, unanimous
from facegap.partition.proposals import person_of, require_known, sureness

log = logging.getLogger(__name__)


def partition_target(
    faces_parquet: str | Path,
    aligned_parquet: str | Path,
    labels_parquet: str | Path,
    weighed_parquet: str | Path | None,
    verification: Sequence[tuple[str | Path, Format]],
    sides_parquet: str | Path,
    sides_csv: str | Path,
    inside_txt: str | Path,
    outside_txt: str | Path,
    *,
    by_person: bool,
    contentious: str,
) -> None:
    """Write the fate (FACE_SIDES) of every face, and the lists of both sides.

    `weighed_parquet` (WEIGHED) is None where the target labels itself. `verification` has each
    verifier's file of answers and its format. Raises `DataError` where any of these speaks of faces
    that the target has not.
    """
    known = known_faces(
        faces_parquet,
        aligned_parquet,
        labels_parquet,
        weighed_parquet,
        verification,
        by_person=by_person,
    )
    error = float(tables.about(labels_parquet).get("answer_error", "nan"))
    sides = decide(
        known,
        contentious=contentious,
        error=None if np.isnan(error) else Interval(error, error, error),
    )
    tables.write(sides, sides_parquet, tables.FACE_SIDES)
    tables.write(sides, sides_csv, tables.FACE_SIDES)
    for side, path in zip(tables.SIDES, (inside_txt, outside_txt), strict=True):
        with whole(path) as temporary:
            ids = sides["face_id"][sides["side"] == side].to_list()
            temporary.write_text("".join(f"{face}\n" for face in ids))
    log.info("%d faces: %s", len(sides), counts(sides)["sides"])


def known_faces(
    faces_parquet: str | Path,
    aligned_parquet: str | Path,
    labels_parquet: str | Path,
    weighed_parquet: str | Path | None,
    verification: Sequence[tuple[str | Path, Format]],
    *,
    by_person: bool,
) -> pd.DataFrame:
    """The `evidence` in these files."""
    faces = tables.read(faces_parquet, tables.FACES)
    labels = tables.read(labels_parquet, tables.LABELS)
    aligned = tables.read(aligned_parquet, tables.ALIGNED)
    weighed = pd.DataFrame(columns=list(tables.WEIGHED.columns))
    if weighed_parquet is not None:
        weighed = tables.read(weighed_parquet, tables.WEIGHED)
        require_known(weighed, faces, weighed_parquet, faces_parquet)
    require_known(labels, faces, labels_parquet, faces_parquet)
    # no answers: every proposal was accepted, so nobody waited to be verified
    answers = [read_answers(path, form, needed=False) for path, form in verification]
    for (path, _), given in zip(verification, answers, strict=True):
        require_known(given, faces, path, faces_parquet)
    return evidence(
        faces, labels, weighed, merged_answers(answers), aligned["face_id"], by_person=by_person
    )


def merged_answers(answers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Verifiers' answers (ANSWERS), a row a face by id: `side` (missing: they differ), `verifiers`.

    Nobody has to have answered on all faces; unsure differs from everything.
    """
    rows = pd.concat([pd.DataFrame({"face_id": [], "side": [], "showing": []}), *answers])
    by_face = rows[rows["showing"] == 0].groupby("face_id")["side"]
    found = pd.DataFrame({"side": by_face.first(), "verifiers": by_face.size()})
    one = (by_face.nunique() == 1) & found["side"].isin(tables.SIDES)
    return found.assign(side=found["side"].where(one, None))


def evidence(
    faces: pd.DataFrame,
    labels: pd.DataFrame,
    weighed: pd.DataFrame,
    verified: pd.DataFrame,
    aligned: "pd.Series[str]",
    *,
    by_person: bool,
) -> pd.DataFrame:
    """What is known of each face, a row a face, by face id.

    `label`: its own side by people or data set, or missing; `provenance` of that label, missing
    without one; `annotators`: how many gave it. `person`: who it is, int (`person_of`);
    `subject`: the same, `by_person` or not. `inside`, `outside`: how many faces of the person
    have that label; `labelled`: how many have any, contentious ones too. `verified_inside`,
    `verified_outside`, `verified`: the same of verifications; `verifiers`: the least number of
    people behind one. `probability` of inside and `accepted`: of the weighed proposals. `found`:
    a crop of it exists. `split`. `simulated`: whether a program gave the labels.
    """
    known = faces[["face_id", "subject_id", "split"]].sort_values("face_id", ignore_index=True)
    ids = known["face_id"]
    own = labels.set_index("face_id").reindex(ids)
    checked = verified.reindex(ids)
    guess = weighed.set_index("face_id").reindex(ids)
    known = known.assign(
        person=person_of(known, by_person=by_person),
        subject=person_of(known, by_person=True),
        label=own["side"].array,
        provenance=own["provenance"].array,
        annotators=(own["annotators"].str.count(r"\+") + 1).fillna(0).astype(int).array,
        probability=guess["probability"].to_numpy(float),
        accepted=guess["accepted"].eq(True).to_numpy(),
        found=pd.Index(aligned).get_indexer(pd.Index(ids)) >= 0,
        simulated=bool(labels["simulated"].any()),
    )
    told = {
        "inside": known["label"] == "inside",
        "outside": known["label"] == "outside",
        "labelled": known["provenance"].notna(),
        "verified_inside": pd.Series((checked["side"] == "inside").to_numpy()),
        "verified_outside": pd.Series((checked["side"] == "outside").to_numpy()),
        "verified": pd.Series(checked["verifiers"].notna().to_numpy()),
    }
    sums = pd.DataFrame(told).groupby(known["person"]).transform("sum")
    people = pd.Series(checked["verifiers"].to_numpy(float)).groupby(known["person"])
    return known.assign(**sums, verifiers=people.transform("min").fillna(0).astype(int))


def decide(known: pd.DataFrame, *, contentious: str, error: Interval | None = None) -> pd.DataFrame:
    """The fate (FACE_SIDES) of each face of `known` (of `evidence`), in its order.

    `contentious` is the side of faces whose people disagree, or "left out": a face's own people
    have the last word on it, those of the person's other pictures do not settle it (paper, 3.1).
    `confidence` is the classifier's, calibrated, on faces without a word by people; with `error`,
    that of one answer, people's sides have one too (`errors.unanimous`); missing where nothing is
    known.
    """
    asked, own = known["provenance"].notna(), known["label"].notna()
    person = ~asked & (known["labelled"] > 0)
    by_person = person & ((known["inside"] > 0) ^ (known["outside"] > 0))
    checked = ~asked & ~person & (known["verified"] > 0)
    verified = checked & ((known["verified_inside"] > 0) ^ (known["verified_outside"] > 0))
    disputed = (asked & ~own) | (person & ~by_person) | (checked & ~verified)
    sure = sureness(known["probability"]).where(~asked & ~person & ~checked)
    proposed = sure.notna() & known["accepted"]
    kinds = [own, by_person, disputed, verified, proposed]
    side = np.select(
        kinds,
        [
            known["label"].fillna("").to_numpy(str),
            np.where(known["inside"] > 0, *tables.SIDES),
            np.array("" if contentious == "left out" else contentious),
            np.where(known["verified_inside"] > 0, *tables.SIDES),
            np.where(known["probability"] >= 0.5, *tables.SIDES),
        ],
        "",
    )
    words = ("by person", "contentious", "verified", "proposed", "no label")
    provenance = np.select(
        [*kinds, known["found"]],
        [known["provenance"].fillna("").to_numpy(str), *map(np.array, words)],
        "no face",
    )
    return pd.DataFrame(
        {
            "face_id": known["face_id"],
            "side": pd.Series(side).where(side != ""),
            "provenance": provenance,
            "confidence": _confidence(known, pd.Series(provenance), sure, error),
            "simulated": known["simulated"],
        }
    )


def _confidence(
    known: pd.DataFrame,
    provenance: "pd.Series[str]",
    sure: "pd.Series[float]",
    error: Interval | None,
) -> "pd.Series[float]":
    """The chance that the side is right: by people's errors, else the classifier's `sure`."""
    if error is None or not known["annotators"].any():
        return sure
    label = 1 - unanimous(error, int(known["annotators"].max())).estimate
    one = 1 - error.estimate
    checks = {k: 1 - unanimous(error, k).estimate for k in known["verifiers"].unique() if k}
    by_people = pd.Series(
        np.select(
            [
                provenance.isin(["agreed", "by person"]),
                provenance == "adjudicated",
                provenance == "verified",
            ],
            [label, one, known["verifiers"].map(checks).to_numpy(float)],
            np.nan,
        )
    )
    return by_people.fillna(sure)


def counts(sides: pd.DataFrame) -> dict[str, Any]:
    """How many faces (FACE_SIDES) are where, and why; what each step after the labels added."""
    where = sides["side"].astype(object).where(sides["side"].notna(), "left out")
    places = (*tables.SIDES, "left out")
    table = pd.crosstab(sides["provenance"], where)
    table = table.reindex(index=tables.SIDE_PROVENANCES, columns=places, fill_value=0)
    people = sides["provenance"].isin(["own label", *PEOPLE])
    return {
        "faces": len(sides),
        "sides": {place: int((where == place).sum()) for place in places},
        "provenance": {
            str(name): {str(place): int(row[place]) for place in places}
            for name, row in table.iterrows()
        },
        "labelled": int(people.sum()),
        "gained": {
            name: int((sides["provenance"] == name).sum())
            for name in ("by person", "verified", "proposed")
        },
    }
