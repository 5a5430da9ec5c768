"""Shares set aside by group: intervals, a test that is right about chance, and pictures of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap import tables
from facegap.report.figures import draw_set_aside
from facegap.report.rejected import draw_rejected, exchanged, measure_rejected

NAMES = {"inside": "CelebC", "outside": "CelebO"}


def collection(
    folder: Path, name: str, lost: dict[str, int], of: int = 200, boundary: str = ""
) -> dict[str, Path]:
    """A collection of which `lost` of `of` faces of each gender are set aside.

    Its sides are those of the column `boundary`, or of no column.
    """
    rows = [(f"{gender}{k}", gender) for gender in lost for k in range(of)]
    ids = [face for face, _ in rows]
    faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": None, "split": "rest"})
    faces = faces.assign(age=[5.0, 30.0] * of, gender=[g for _, g in rows], race_raw=None)
    aside = [f"{gender}{k}" for gender, count in lost.items() for k in range(count)]
    rejected = pd.DataFrame({"path": aside, "face_id": aside, "reason": "no face found"}, dtype=str)
    sides = pd.Series(["inside", "inside", "outside", "outside"] * (of // 2))
    if boundary:
        sides = faces[boundary].map({"female": "inside", "male": "outside"})
    labels = pd.DataFrame({"face_id": ids, "side": sides})
    labels = labels.assign(provenance="own label", annotators="data set", simulated=False)
    places = {
        kind: folder / f"{name}-{kind}"
        for kind in ("faces.parquet", "rejected.csv", "labels.parquet")
    }
    schemas = (tables.FACES, tables.REJECTED, tables.LABELS)
    for frame, place, schema in zip(
        (faces, rejected, labels), places.values(), schemas, strict=True
    ):
        tables.write(frame, place, schema)
    return {place.stem.split("-")[1]: place for place in places.values()}


def measured(folder: Path, boundary: str = "", **lost: dict[str, int]) -> pd.DataFrame:
    sets = {
        name: collection(folder, name, counts, boundary=boundary) for name, counts in lost.items()
    }
    measure_rejected(
        *(
            {name: files[kind] for name, files in sets.items()}
            for kind in ("faces", "rejected", "labels")
        ),
        folder / "rejected.csv",
        names=NAMES,
        age_bands=[20, 40],
        confidence=0.95,
        seed=1,
    )
    return tables.read(folder / "rejected.csv", tables.SET_ASIDE)


def test_a_group_that_loses_more_is_found_and_no_other(tmp_path: Path) -> None:
    lost, even = {"female": 24, "male": 2}, {"female": 6, "male": 6}
    table = measured(tmp_path, source=lost, target=even, third=even)
    gender = table[table["grouping"] == "gender"].set_index(["dataset", "group"])
    assert gender.loc[("source", "female"), ["faces", "set_aside", "share"]].tolist() == [
        200,
        24,
        0.12,
    ]
    assert gender.loc[("source", "female"), "low"] > gender.loc[("source", "male"), "high"]
    assert gender.loc[("source", "male"), "adjusted"] < 0.01
    assert gender.loc[("target", "male"), "adjusted"] > 0.5
    others = table[table["grouping"].isin(["age", "boundary"])]
    assert set(others["group"]) == {"0 to 19", "20 to 39", "CelebC", "CelebO"}
    assert (others["adjusted"] > 0.05).all()
    assert (table["adjusted"] >= table["p"]).all()
    assert "race" not in set(table["grouping"])


def test_a_grouping_that_is_the_boundary_stands_once(tmp_path: Path) -> None:
    table = measured(tmp_path, "gender", source={"female": 24, "male": 2})
    assert table["grouping"].unique().tolist() == ["boundary", "age"]


def test_the_test_is_right_about_chance() -> None:
    """Whole persons are lost by chance: few p values are small, though their faces go together."""
    rng = np.random.default_rng(0)
    person = pd.Series(np.repeat(np.arange(60), 5))
    groups = pd.Series(np.where(person % 2, "a", "b"))
    values = []
    for _ in range(60):
        aside = pd.Series(np.repeat(rng.random(60) < 0.2, 5))
        values.append(exchanged(groups, aside, person, np.random.default_rng(1)))
    assert np.mean(np.array(values) < 0.05) < 0.15
    assert 0.3 < np.mean(values) < 0.7


def test_nothing_lost_is_no_finding(tmp_path: Path) -> None:
    table = measured(tmp_path, source={"female": 0, "male": 0})
    assert table["p"].isna().all()
    assert (table["share"] == 0).all()
    assert (table["high"] > 0).all()


@pytest.mark.parametrize("lost", [{"female": 9, "male": 2}, {"female": 0, "male": 0}])
def test_pictures_are_drawn_and_the_same_each_time(tmp_path: Path, lost: dict[str, int]) -> None:
    measured(tmp_path, source=lost)
    count = sum(lost.values())
    noise = np.random.default_rng(0).integers(0, 255, (count, 96, 96, 3), dtype=np.uint8)
    np.save(tmp_path / "rejected.npy", noise)
    names = {"source": "source (utkface)"}
    for k in "ab":
        draw_rejected(tmp_path / "rejected.csv", [tmp_path / f"plot-{k}.png"], names=names)
        draw_set_aside(
            {"source": tmp_path / "source-rejected.csv"},
            {"source": tmp_path / "rejected.npy"},
            names,
            [tmp_path / f"sheet-{k}.png"],
            seed=1,
        )
    for name in ("plot", "sheet"):
        first, second = ((tmp_path / f"{name}-{k}.png").read_bytes() for k in "ab")
        assert first == second
        assert len(first) > 3000


def test_collections_without_groups_are_said_to_have_none(tmp_path: Path) -> None:
    empty = pd.DataFrame(columns=list(tables.SET_ASIDE.columns))
    tables.write(empty, tmp_path / "rejected.csv", tables.SET_ASIDE)
    draw_rejected(tmp_path / "rejected.csv", [tmp_path / "plot.png"], names={})
    assert (tmp_path / "plot.png").stat().st_size > 3000
