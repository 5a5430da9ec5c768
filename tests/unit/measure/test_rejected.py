"""Shares of faces rejected by group: intervals, and a test that finds what differs alone."""

from pathlib import Path

import pandas as pd

from facegap.groups import group_values
from facegap.measure.rejected import measure_rejected
from facegap.settings.measure import Intervals
from facegap.settings.models import Groups
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.annotate import LABELS
from facegap.tables.base import read_table, write_table
from facegap.tables.measure import ESTIMATES

KINDS = {"faces.parquet": FACES, "rejected.csv": REJECTED, "labels.parquet": LABELS}


def write_dataset(folder: Path, name: str, lost: dict[str, int], boundary: str) -> None:
    """Tables of a data set of which `lost` of 200 faces of each gender are rejected.

    Its sides are those of the column `boundary`, or of no column.
    """
    rows = [(f"{gender}{k}", gender) for gender in lost for k in range(200)]
    ids = [face for face, _ in rows]
    faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": None, "split": "rest"})
    faces = faces.assign(age=[5.0, 30.0] * 200, gender=[g for _, g in rows], race_raw=None)
    gone = [f"{gender}{k}" for gender, count in lost.items() for k in range(count)]
    rejected = pd.DataFrame({"path": gone, "face_id": gone, "reason": "no face found"}, dtype=str)
    sides = pd.Series(["inside", "inside", "outside", "outside"] * 100)
    if boundary:
        sides = faces[boundary].map({"female": "inside", "male": "outside"})
    labels = pd.DataFrame({"face_id": ids, "side": sides})
    labels = labels.assign(provenance="own label", annotators="data set", simulated=False)
    for (kind, schema), table in zip(KINDS.items(), (faces, rejected, labels), strict=True):
        write_table(table, folder / f"{name}-{kind}", schema)


def measured(
    folder: Path, boundary: str = "", least: int = 20, **lost: dict[str, int]
) -> pd.DataFrame:
    """The estimates, with the factor of each group."""
    for name, counts in lost.items():
        write_dataset(folder, name, counts, boundary)
    places = ([folder / f"{name}-{kind}" for name in lost] for kind in KINDS)
    measure_rejected(
        **dict(zip(("faces", "rejected", "labels"), places, strict=True)),
        estimates=folder / "rejected.parquet",
        study="study",
        datasets=list(lost),
        sides={"inside": "CelebC", "outside": "CelebO"},
        groups=Groups(least_persons=least),
        intervals=Intervals(age_bands=[20, 40]),
        seed=1,
    )
    table = read_table(folder / "rejected.parquet", ESTIMATES)
    return table.assign(factor=[next(iter(group_values(group))) for group in table["group"]])


def test_a_group_that_loses_more_is_found_and_no_other(tmp_path: Path) -> None:
    lost, even = {"female": 24, "male": 2}, {"female": 6, "male": 6}
    table = measured(tmp_path, source=lost, target=even, third=even)
    gender = table[table["factor"] == "gender"].set_index(["tested_on", "group"])
    female, male = (gender.loc[("source", f"gender: {name}")] for name in ("female", "male"))
    assert female[["faces", "persons", "estimate"]].tolist() == [200, 200, 0.12]
    assert female["low"] > male["high"]
    assert male["adjusted_p"] < 0.01
    assert gender.loc[("target", "gender: male"), "adjusted_p"] > 0.5
    others = table[table["factor"].isin(["age", "boundary"])]
    assert set(others["group"]) == {
        *("age: 0 to 19", "age: 20 to 39", "boundary: CelebC", "boundary: CelebO"),
    }
    assert (others["adjusted_p"] > 0.05).all()
    assert (table["adjusted_p"] >= table["p"]).all()
    assert "race" not in set(table["factor"])


def test_a_factor_that_is_the_boundary_is_counted_once(tmp_path: Path) -> None:
    table = measured(tmp_path, "gender", source={"female": 24, "male": 2})
    assert table["factor"].unique().tolist() == ["boundary", "age"]


def test_nothing_lost_is_no_finding(tmp_path: Path) -> None:
    table = measured(tmp_path, source={"female": 0, "male": 0})
    assert table["p"].isna().all()
    assert table["adjusted_p"].isna().all()
    assert (table["estimate"] == 0).all()
    assert (table["high"] > 0).all()


def test_groups_of_few_persons_are_counted_alone(tmp_path: Path) -> None:
    table = measured(tmp_path, least=201, one={"female": 24, "male": 2})
    assert table["estimate"].isna().all()
    assert table["faces"].tolist() == [200] * len(table)
