"""Who trains the generator and who is measured, counted; how many of these lie on the other side.

The sides come from labels, some of which are wrong: a face that was placed outside may truly lie
inside. What partition knows of the labels' errors says how many of the measured faces do.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import special

from facegap.attributes import require
from facegap.boundary import sides_of
from facegap.errors import DataError
from facegap.groups import group_name
from facegap.settings.acquire import OwnLabel
from facegap.settings.measure import Intervals
from facegap.settings.synthesise import Attributes
from facegap.statistics.interval import Interval, row, within
from facegap.statistics.proportions import weighted_sum
from facegap.tables.acquire import FACES
from facegap.tables.base import DOMAINS, SIDES, metadata, read_table, write_table
from facegap.tables.measure import ESTIMATES
from facegap.tables.measure import estimates as table_of
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES

Row = dict[str, Any]
BY_PEOPLE = ("agreed", "adjudicated")  # whose error partition calls that of people


def measure_roles(
    *,
    roles: Path,
    sides: Path,
    faces: Path,
    partition_estimates: Path,
    estimates: Path,
    attributes: Attributes,
    own_label: OwnLabel | None,
    intervals: Intervals,
    study: str,
) -> None:
    """Write how many faces have each of the `roles` (ROLES), and how many are of the other side.

    `partition_estimates` (ESTIMATES) has the error of the labels by provenance and side.
    `own_label` defines the truth of the drawn `faces` (FACES) whose `sides` (FACE_SIDES) come from
    simulated labels.
    """
    assigned, table = read_table(roles, ROLES), read_table(faces, FACES)
    decided, measured = read_table(sides, FACE_SIDES), read_table(partition_estimates, ESTIMATES)
    if own_label is not None and decided["simulated"].any():
        truth = sides_of(table, own_label, faces).set_axis(table["face_id"])
        assigned = assigned.assign(truth=assigned["face_id"].map(truth))
    left_out = json.loads(metadata(roles)["left_out"])
    rows = [*_counts(assigned, left_out), *_matching(assigned, table, attributes, faces)]
    for domain in DOMAINS:
        own = assigned[assigned["role"] == domain]
        disputed = own["provenance"] == "contentious"
        given = other_side(own[~disputed], measured, intervals.confidence, partition_estimates)
        rows.append({**_other(own[~disputed], domain=domain), **row(given)})
        if disputed.any():  # nobody's word, so that no error of it is known
            rows.append(_other(own[disputed], domain=domain, provenance="contentious"))
    write_table(table_of(rows, study), estimates, ESTIMATES)


def other_side(
    faces: pd.DataFrame, measured: pd.DataFrame, confidence: float, place: Path
) -> Interval:
    """How many of `faces` (ROLES, of one side) lie on the other side.

    By the error of the labels of their provenance and side in `measured` (ESTIMATES, from `place`).
    Limits by square-and-add, each with the chance of which persons are among these faces: all faces
    of a person are right or wrong together. NaN where the error of some is not known.
    """
    if faces.empty:
        return Interval(0.0, 0.0, 0.0)
    errors = measured[measured["quantity"] == "label error"].set_index("group")
    z = float(special.ndtri((1 + confidence) / 2))
    parts = []
    provenances = faces["provenance"].replace(dict.fromkeys(BY_PEOPLE, "people"))
    for (provenance, side), own in faces.groupby([provenances, "side"]):
        if provenance == "own label":
            return Interval(*[float("nan")] * 3)
        group = group_name({"provenance": str(provenance), "side": str(side)})
        if group not in errors.index:
            raise DataError(f"{place}: no label error of {group}; run the stage partition again")
        error = Interval(*errors.loc[group, list(Interval._fields)].astype(float))
        pictures = own["subject_id"].value_counts().to_numpy(float)
        chance = z**2 * error.estimate * (1 - error.estimate) * float((pictures**2).sum())
        count = len(own) * error.estimate
        reach = [
            ((len(own) * (end - error.estimate)) ** 2 + chance) ** 0.5
            for end in (error.low, error.high)
        ]
        parts.append(Interval(count, count - reach[0], count + reach[1]))
    return within(weighted_sum(parts, [1.0] * len(parts)), 0.0, float(len(faces)))


def _other(faces: pd.DataFrame, **factors: str) -> Row:
    """Columns of ESTIMATES, with the true number where it is known."""
    about: Row = {
        "quantity": "faces of the other side",
        "group": group_name(factors),
        "faces": len(faces),
        "persons": int(faces["subject_id"].nunique()),
    }
    if "truth" in faces:
        about["truth"] = float((faces["truth"] != faces["side"]).sum())
    return about


def _counts(assigned: pd.DataFrame, left_out: dict[str, int]) -> Iterator[Row]:
    """Faces and persons of each role, and of those who may not be measured."""
    for role, part in assigned.groupby("role"):
        for side, own in part.groupby("side") if role == "train" else [("", part)]:
            more = {"side": str(side)} if side == "outside" else {}  # of the other arms
            persons = int(own["subject_id"].nunique())
            yield _count(group_name({"role": str(role), **more}), len(own), persons)
    both = {"not measured": "persons on both sides"}
    yield _count(group_name(both), left_out["their faces"], left_out["persons on both sides"])
    disputed = {"not measured": "contentious faces"}
    yield _count(group_name(disputed), left_out["contentious faces"], None)


def _matching(
    assigned: pd.DataFrame, table: pd.DataFrame, attributes: Attributes, place: Path
) -> Iterator[Row]:
    """Of the pairs that train, if there are any: how alike both sides are in each attribute."""
    paired = assigned.dropna(subset=["pair"])
    if len(paired):
        require(table, attributes.names, place)
        values = table.set_index("face_id").loc[paired["face_id"], attributes.names].astype(float)
        inside, outside = (values[(paired["side"] == side).to_numpy()].mean() for side in SIDES)
        for name, apart in (inside - outside).items():
            about = {"quantity": "matching", "attribute": str(name), "estimate": float(apart)}
            yield {**about, "faces": int(paired["pair"].nunique())}


def _count(group: str, faces: int, persons: int | None) -> Row:
    about = {"quantity": "role", "group": group, "estimate": float(faces), "faces": faces}
    return {**about, "persons": persons}
