"""How many measured faces lie on the other side is estimated, and counted where it is known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facegap.errors import DataError
from facegap.measure.roles import measure_roles, other_side
from facegap.settings.acquire import OwnLabel
from facegap.settings.measure import Intervals
from facegap.settings.synthesise import Attributes
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES, estimates
from facegap.tables.partition import FACE_SIDES
from facegap.tables.synthesise import ROLES

PLACE = Path("estimates.parquet")
ERRORS = [
    {"quantity": "label error", "group": f"provenance: {name} × side: {side}"}
    | {"estimate": estimate, "low": low, "high": high}
    for side in ("inside", "outside")
    for name, estimate, low, high in (
        ("people", 0.01, 0.0, 0.02),
        ("verified", 0.05, 0.02, 0.1),
        ("pseudo-label", 0.2 if side == "outside" else 0.04, 0.02, 0.4),
    )
]
LEFT_OUT = {"persons on both sides": 4, "their faces": 11, "contentious faces": 7}


def roles(*parts: tuple[str, str, str, int]) -> pd.DataFrame:
    """Faces with a role, a side and a provenance, so many of each, two a person."""
    rows = [
        {"role": role, "side": side, "provenance": provenance, "control": "male"}
        for role, side, provenance, count in parts
        for _ in range(count)
    ]
    table = pd.DataFrame(rows)
    ids = [f"f{k}" for k in range(len(table))]
    persons = [f"p{k // 2}" for k in range(len(table))]
    nobody = pd.Series([None] * len(table), dtype="Int64")
    return table.assign(face_id=ids, row=range(len(table)), subject_id=persons, pair=nobody)


def measured(folder: Path, assigned: pd.DataFrame, truly: list[str] | None) -> pd.DataFrame:
    """The estimates; `truly` is the true group of each face, where faces are drawn."""
    ids = assigned["face_id"]
    faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": assigned["subject_id"]})
    faces = faces.assign(split="rest", age=np.nan, gender="male", race_raw=None)
    faces = faces.assign(group=truly or "?", Dark=np.arange(len(faces)) % 3 == 0)
    faces = faces.astype({"Dark": "Int8"})
    sides = assigned[["face_id", "side", "provenance"]].assign(
        confidence=np.nan, simulated=truly is not None
    )
    files: dict[str, Any] = {}
    for name, table, schema, about in (
        ("roles", assigned[list(ROLES.columns)], ROLES, {"left_out": json.dumps(LEFT_OUT)}),
        ("faces", faces, FACES, None),
        ("sides", sides, FACE_SIDES, None),
        ("partition_estimates", estimates(ERRORS, "study"), ESTIMATES, None),
    ):
        files[name] = folder / f"{name}.parquet"
        write_table(table, files[name], schema, about)
    own = OwnLabel(column="group", inside=["A"], outside=["B"]) if truly else None
    measure_roles(
        **files,
        estimates=folder / "measured.parquet",
        attributes=Attributes(names=["Dark"], exclusive=[]),
        own_label=own,
        intervals=Intervals(),
        study="study",
    )
    return read_table(folder / "measured.parquet", ESTIMATES).set_index(["quantity", "group"])


MIXED = (
    *(("train", "inside", "agreed", 6), ("in-domain", "inside", "agreed", 10)),
    *(("out-domain", "outside", "agreed", 4), ("out-domain", "outside", "pseudo-label", 6)),
)


def test_the_labels_error_is_that_of_the_provenance_and_of_the_side(tmp_path: Path) -> None:
    table = measured(tmp_path, roles(*MIXED), None)
    out = table.loc[("faces of the other side", "domain: out-domain")]
    assert out["estimate"] == pytest.approx(4 * 0.01 + 6 * 0.2)
    assert 0 <= out["low"] < out["estimate"] < out["high"] <= 10
    assert np.isnan(out["truth"])
    inside = table.loc[("faces of the other side", "domain: in-domain")]
    assert inside["estimate"] == pytest.approx(0.1)
    assert (out["faces"], out["persons"]) == (10, 5)


def test_on_drawn_faces_the_other_side_is_counted(tmp_path: Path) -> None:
    truly = ["A"] * 15 + ["B"] + ["A"] * 3 + ["B"] * 7
    table = measured(tmp_path, roles(*MIXED), truly)
    truth = table.loc["faces of the other side", "truth"]
    assert truth.to_dict() == {"domain: in-domain": 1, "domain: out-domain": 3}


def test_contentious_faces_stand_alone_since_no_label_of_theirs_can_be_wrong(
    tmp_path: Path,
) -> None:
    assigned = roles(*MIXED, ("out-domain", "outside", "contentious", 5))
    truly = ["A"] * 16 + ["B"] * 10 + ["A"] * 4 + ["B"]
    table = measured(tmp_path, assigned, truly).loc["faces of the other side"]
    assert table.loc["domain: out-domain", "faces"] == 10
    disputed = table.loc["domain: out-domain × provenance: contentious"]
    assert (disputed["faces"], disputed["truth"]) == (5, 4)
    assert np.isnan(disputed["estimate"])


def test_who_has_a_role_and_who_may_not_be_measured_are_counted(tmp_path: Path) -> None:
    table = measured(tmp_path, roles(*MIXED), None).loc["role"]
    assert table["estimate"].to_dict() == {
        "role: in-domain": 10,
        "role: out-domain": 10,
        "role: train": 6,
        "not measured: persons on both sides": 11,
        "not measured: contentious faces": 7,
    }
    assert table.loc["not measured: persons on both sides", "persons"] == 4


def test_of_pairs_that_train_the_sides_are_counted_apart_and_compared(tmp_path: Path) -> None:
    assigned = roles(*MIXED, ("train", "outside", "agreed", 6))
    assigned["pair"] = pd.array([*range(6), *[pd.NA] * 20, *range(6)], dtype="Int64")
    table = measured(tmp_path, assigned, None)
    assert table.loc[("role", "role: train"), "estimate"] == 6
    assert table.loc[("role", "role: train × side: outside"), "estimate"] == 6
    (matching,) = table.loc["matching"].to_dict("records")
    assert (matching["attribute"], matching["faces"]) == ("Dark", 6)
    assert matching["estimate"] == 0, "two of six on either side"


@pytest.mark.long
def test_the_interval_covers_the_number_as_often_as_it_says() -> None:
    """Persons who are right or wrong together, an error that was itself estimated on others."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(500):
        tested = rng.binomial(60, 0.2)
        error = tested / 60
        reach = 1.96 * (error * (1 - error) / 60) ** 0.5
        known = [{**ERRORS[-1], "estimate": error, "low": error - reach, "high": error + reach}]
        assigned = roles(("out-domain", "outside", "pseudo-label", 40))
        wrong = 2 * rng.binomial(20, 0.2)
        found = other_side(assigned, estimates(known, "study"), 0.95, PLACE)
        covered.append(found.low <= wrong <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.99


def test_an_own_label_s_error_is_not_known_and_one_that_lacks_is_named() -> None:
    table = estimates(ERRORS, "study")
    own = other_side(roles(("in-domain", "inside", "own label", 4)), table, 0.95, PLACE)
    assert np.isnan(own.estimate)
    with pytest.raises(DataError, match="no label error of provenance: by person × side: inside"):
        other_side(roles(("in-domain", "inside", "by person", 4)), table, 0.95, PLACE)
