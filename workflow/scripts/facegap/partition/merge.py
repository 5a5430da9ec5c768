"""The merge: one side a face, from labels, from the person's other pictures, from pseudo-labels."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from facegap.answers import as_given, read_answers
from facegap.partition.pseudo_labels import person_of, require_known, sureness
from facegap.parts import halves
from facegap.settings.partition import Partition
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.annotate import LABELS
from facegap.tables.base import SIDES, metadata, read_table, write_table
from facegap.tables.partition import CALIBRATED, EVIDENCE, FACE_SIDES, SIDE_PROVENANCES

log = logging.getLogger(__name__)

PEOPLE = ("agreed", "adjudicated")
GAINED = ("by person", "verified", "pseudo-label")  # what each step after the labels adds


def partition_target(
    *,
    faces: Path,
    aligned: Path,
    labels: Path,
    calibrated: Path | None,
    verified: list[Path],
    sides: Path,
    evidence: Path,
    settings: Partition,
    seed: int,
) -> None:
    """Write the `sides` (FACE_SIDES) of all `faces` (FACES), and their `evidence` (EVIDENCE).

    `calibrated` (CALIBRATED) is absent, and `verified` (ANSWERS) empty, where the target labels
    itself; `verified` has a file for each of the settings' verifiers. Raises `DataError` where any
    of these has faces that the target lacks.
    """
    table, given = read_table(faces, FACES), read_table(labels, LABELS)
    require_known(given, table, labels, faces)
    pseudo_labels = pd.DataFrame(columns=list(CALIBRATED.columns))
    if calibrated is not None:
        pseudo_labels = read_table(calibrated, CALIBRATED)
        require_known(pseudo_labels, table, calibrated, faces)
    answers = list(_verifications(verified, settings, table))
    table["split"] = halves(table, "target", seed)
    known = evidence_of(
        table,
        given,
        pseudo_labels,
        merged_answers(answers),
        read_table(aligned, ALIGNED)["face_id"],
        by_person=settings.by_person,
    )
    error = float(metadata(labels).get("answer_error", "nan"))
    decided = decide(
        known, contentious=settings.contentious, error=None if np.isnan(error) else error
    )
    write_table(decided, sides, FACE_SIDES)
    write_table(known, evidence, EVIDENCE)
    log.info("%d faces: %s", len(decided), counts(decided)["sides"])


def _verifications(
    verified: Sequence[Path], settings: Partition, faces: pd.DataFrame
) -> Iterator[pd.DataFrame]:
    """The verifiers' answers: none where every person was placed and nobody was to be verified."""
    if verified:
        for path, person in zip(verified, settings.verification.values(), strict=True):
            yield read_answers(path, as_given(path, person), faces, needed=False)


def merged_answers(answers: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Verifiers' answers (ANSWERS), a row a face by id: `side` (missing: they differ), `verifiers`.

    Nobody has to have answered on all faces; unsure differs from everything.
    """
    rows = pd.concat([pd.DataFrame({"face_id": [], "side": [], "showing": []}), *answers])
    by_face = rows[rows["showing"] == 0].groupby("face_id")["side"]
    merged = pd.DataFrame({"side": by_face.first(), "verifiers": by_face.size()})
    one = (by_face.nunique() == 1) & merged["side"].isin(SIDES)
    return merged.assign(side=merged["side"].where(one, None))


def evidence_of(
    faces: pd.DataFrame,
    labels: pd.DataFrame,
    calibrated: pd.DataFrame,
    verified: pd.DataFrame,
    aligned: "pd.Series[str]",
    *,
    by_person: bool,
) -> pd.DataFrame:
    """What is known of each face (EVIDENCE), by face id.

    `verified` is of `merged_answers`; `aligned` has the ids of the faces with crops.
    """
    known = faces[["face_id", "subject_id", "split"]].sort_values("face_id", ignore_index=True)
    ids = known["face_id"]
    own = labels.set_index("face_id").reindex(ids)
    checked = verified.reindex(ids)
    guess = calibrated.set_index("face_id").reindex(ids)
    known = known.assign(
        person=person_of(known, by_person=by_person),
        subject=person_of(known, by_person=True),
        label=own["side"].array,
        provenance=own["provenance"].array,
        annotators=(own["annotators"].str.count(r"\+") + 1).fillna(0).astype(int).array,
        probability=guess["probability"].to_numpy(float),
        accepted=guess["accepted"].eq(True).to_numpy(),
        aligned=pd.Index(aligned).get_indexer(pd.Index(ids)) >= 0,
        simulated=bool(labels["simulated"].any()),
    )
    counted = {
        "inside": known["label"] == "inside",
        "outside": known["label"] == "outside",
        "labelled": known["provenance"].notna(),
        "verified_inside": pd.Series((checked["side"] == "inside").to_numpy()),
        "verified_outside": pd.Series((checked["side"] == "outside").to_numpy()),
        "verified": pd.Series(checked["verifiers"].notna().to_numpy()),
    }
    sums = pd.DataFrame(counted).groupby(known["person"]).transform("sum")
    people = pd.Series(checked["verifiers"].to_numpy(float)).groupby(known["person"])
    known = known.assign(**sums, verifiers=people.transform("min").fillna(0).astype(int))
    return known[list(EVIDENCE.columns)]


def decide(known: pd.DataFrame, *, contentious: str, error: float | None = None) -> pd.DataFrame:
    """The side (FACE_SIDES) of each face of `known` (EVIDENCE), in its order.

    `contentious` is the side of faces whose people disagree, or "left out": a face's own people
    have the last word on it, those of the person's other pictures do not settle it (paper, 3.1).
    `confidence` is the classifier's, calibrated, on faces without a word by people; with `error`,
    that of one answer, people's sides have one too (`unanimous`); missing where nothing is known.
    """
    annotated, own = known["provenance"].notna(), known["label"].notna()
    person = ~annotated & (known["labelled"] > 0)
    by_person = person & ((known["inside"] > 0) ^ (known["outside"] > 0))
    checked = ~annotated & ~person & (known["verified"] > 0)
    verified = checked & ((known["verified_inside"] > 0) ^ (known["verified_outside"] > 0))
    disputed = (annotated & ~own) | (person & ~by_person) | (checked & ~verified)
    sure = sureness(known["probability"]).where(~annotated & ~person & ~checked)
    accepted = sure.notna() & known["accepted"]
    kinds = [own, by_person, disputed, verified, accepted]
    side = np.select(
        kinds,
        [
            known["label"].fillna("").to_numpy(str),
            np.where(known["inside"] > 0, *SIDES),
            np.array("" if contentious == "left out" else contentious),
            np.where(known["verified_inside"] > 0, *SIDES),
            np.where(known["probability"] >= 0.5, *SIDES),
        ],
        "",
    )
    words = ("by person", "contentious", "verified", "pseudo-label", "no label")
    provenance = np.select(
        [*kinds, known["aligned"]],
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
    error: float | None,
) -> "pd.Series[float]":
    """The probability that the side is right: by people's errors, else the classifier's `sure`."""
    if error is None or not known["annotators"].any():
        return sure
    label = 1 - unanimous(error, int(known["annotators"].max()))
    checks = {k: float(1 - unanimous(error, k)) for k in known["verifiers"].unique() if k}
    by_people = pd.Series(
        np.select(
            [
                provenance.isin(["agreed", "by person"]),
                provenance == "adjudicated",
                provenance == "verified",
            ],
            [label, 1 - error, known["verifiers"].map(checks).to_numpy(float)],
            np.nan,
        )
    )
    return by_people.fillna(sure)


def unanimous(error: ArrayLike, people: int) -> NDArray[np.float64]:
    """The error of a side that `people` name, who err independently, with probability `error` each.

    All wrong, given that all answer the same: e^k / (e^k + (1 - e)^k), rising in e below one half.
    """
    one = np.asarray(error, dtype=float)
    wrong, right = one**people, (1 - one) ** people
    share: NDArray[np.float64] = wrong / (wrong + right)
    return share


def counts(sides: pd.DataFrame) -> dict[str, Any]:
    """How many faces (FACE_SIDES) are where, and why; what each step after the labels added."""
    where = sides["side"].astype(object).where(sides["side"].notna(), "left out")
    places = (*SIDES, "left out")
    table = pd.crosstab(sides["provenance"], where)
    table = table.reindex(index=SIDE_PROVENANCES, columns=places, fill_value=0)
    people = sides["provenance"].isin(["own label", *PEOPLE])
    return {
        "faces": len(sides),
        "sides": {place: int((where == place).sum()) for place in places},
        "provenance": {
            str(name): {str(place): int(row[place]) for place in places}
            for name, row in table.iterrows()
        },
        "labelled": int(people.sum()),
        "gained": {name: int((sides["provenance"] == name).sum()) for name in GAINED},
    }
