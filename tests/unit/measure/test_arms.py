"""What training on a side does to generators: planted, of both kinds of measure, and absent."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegap.errors import DataError
from facegap.measure.arms import crossed, measure_arms, of_dose
from facegap.measure.gaps import Scores
from facegap.measure.values import Measure, read_values, write_values
from facegap.settings.measure import Intervals, Realism
from facegap.tables.base import read_table
from facegap.tables.measure import ESTIMATES

SEEDS, PERSONS, FACES = 5, 24, 2
IDENTITY = Measure("identity preservation", None, "all")
ERROR = Measure("reconstruction error", None, "all")
OF_MEN = Measure("identity preservation", None, "control: male")
PRIMARY = ["identity preservation", "kernel distance"]
Values = dict[Measure, dict[str, Scores]]


def arm(rng: np.random.Generator, faces: Mapping[str, Any], seeds: Any, **better: float) -> Values:
    """Values of one arm: those of the faces and seeds, and how much better it is on a side."""
    found: Values = {}
    for measure in (IDENTITY, ERROR, OF_MEN):
        sign = -1 if measure is ERROR else 1
        found[measure] = {}
        for domain, side in (("in-domain", "inside"), ("out-domain", "outside")):
            person = np.repeat(np.arange(PERSONS), FACES)
            own = rng.normal(0, 0.05, (SEEDS, PERSONS))[:, person]
            values = (
                faces[domain] + seeds[:, None] + own + rng.normal(0, 0.05, (SEEDS, len(person)))
            )
            found[measure][domain] = Scores(
                sign * (values + better.get(side, 0.0)), person, len(person), PERSONS
            )
    return found


def both(seed: int, inside: float, outside: float) -> tuple[Values, Values]:
    """Arms whose own side comes out better by so much; outside is harder, and so is the arm."""
    rng = np.random.default_rng(seed)
    faces = {
        domain: level + np.repeat(rng.normal(0, 0.2, PERSONS), FACES)
        for domain, level in (("in-domain", 0.8), ("out-domain", 0.5))
    }
    first, second = rng.normal(0, 0.03, (2, SEEDS))
    return arm(rng, faces, first, inside=inside), arm(rng, faces, second, outside=outside)


def rows(one: Values, other: Values) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = crossed(one, other, PRIMARY, 0.95)
    return {(row["quantity"], row["metric"], row["group"]): row for row in found}


@pytest.mark.parametrize("metric", ["identity preservation", "reconstruction error"])
def test_a_planted_advantage_is_found_whichever_way_the_measure_runs(metric: str) -> None:
    found = rows(*both(1, 0.2, 0.1))
    inside, outside = (
        found["realism advantage", metric, f"side: {side}"] for side in ("inside", "outside")
    )
    interaction = found["realism interaction", metric, "all"]
    assert inside["low"] < 0.2 < inside["high"]
    assert outside["low"] < 0.1 < outside["high"]
    assert interaction["low"] < 0.3 < interaction["high"]
    assert interaction["estimate"] == pytest.approx(inside["estimate"] + outside["estimate"])
    assert interaction["p"] < 0.001


def test_the_families_are_those_of_the_gaps() -> None:
    found = rows(*both(1, 0.2, 0.1))
    families = {key: row["family"] for key, row in found.items() if "interaction" in key[0]}
    assert families == {
        ("realism interaction", "identity preservation", "all"): "interaction, primary realism",
        ("realism interaction", "reconstruction error", "all"): "interaction, further realism",
        ("realism interaction", "identity preservation", "control: male"): (
            "interaction, realism by control"
        ),
    }
    assert ("realism advantage", "identity preservation", "side: inside × control: male") in found


def test_a_better_arm_and_a_harder_side_are_no_interaction() -> None:
    """Of 300 studies 5% have a p below 0.05: 2.6% and 8% are two standard deviations away."""
    found = []
    for k in range(300):
        one, other = both(k, 0.0, 0.0)
        better = {m: {d: _moved(of, m, 0.3) for d, of in own.items()} for m, own in one.items()}
        found.append(rows(better, other))
    tests = [row["realism interaction", "identity preservation", "all"]["p"] for row in found]
    assert 0.025 <= np.mean(np.array(tests) < 0.05) <= 0.08
    inside = [row["realism advantage", "identity preservation", "side: inside"] for row in found]
    assert np.mean([row["low"] > 0 for row in inside]) == 1, "it is the better one everywhere"


def _moved(of: Scores, measure: Measure, by: float) -> Scores:
    return replace(of, values=of.values + (by if measure is not ERROR else -by))


def test_the_interval_covers_the_planted_interaction_as_often_as_it_says() -> None:
    held = []
    for k in range(400):
        row = rows(*both(k, 0.05, 0.02))["realism interaction", "identity preservation", "all"]
        held.append(row["low"] <= 0.07 <= row["high"])
    assert 0.93 <= np.mean(held) <= 0.98


def test_other_faces_in_an_arm_are_refused() -> None:
    one, other = both(1, 0.2, 0.1)
    moved = {
        m: {d: replace(of, person=of.person[::-1]) for d, of in own.items()}
        for m, own in other.items()
    }
    with pytest.raises(DataError, match="the arms translated other faces"):
        rows(one, moved)


def test_a_measure_that_one_arm_lacks_has_no_rows() -> None:
    one, other = both(1, 0.2, 0.1)
    del other[ERROR]
    assert {key[1] for key in rows(one, other)} == {"identity preservation"}


def test_the_share_that_halves_a_generators_gap_is_found() -> None:
    """The gap of 0.4 falls in a line, to none at a share of 1."""
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(60), 2)
    curve = {
        share: {
            IDENTITY: {
                domain: Scores(level + rng.normal(0, 0.02, (5, 120)), person, 120, 60)
                for domain, level in (("in-domain", 0.8), ("out-domain", 0.4 + 0.4 * share))
            }
        }
        for share in (0.0, 0.25, 0.5, 1.0)
    }
    (row,) = of_dose(curve, PRIMARY, 0.95, 1)
    assert (row["quantity"], row["metric"]) == ("halving share", "identity preservation")
    assert row["low"] < 0.5 < row["high"]
    assert row["estimate"] == pytest.approx(0.5, abs=0.05)


def test_values_are_read_as_they_were_written(tmp_path: Path) -> None:
    one, _ = both(1, 0.2, 0.1)
    write_values(one.items(), tmp_path / "values.npz")
    again = read_values(tmp_path / "values.npz")
    assert list(again) == list(one)
    for measure, own in one.items():
        for domain, of in own.items():
            read = again[measure][domain]
            assert (read.values == of.values).all()
            assert (read.person == of.person).all()
            assert (read.faces, read.persons) == (of.faces, of.persons)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "values.npz").read_bytes()[:-200])
    with pytest.raises(DataError, match=r"cut\.npz: not readable"):
        read_values(tmp_path / "cut.npz")


def test_the_job_writes_what_the_arms_allow(tmp_path: Path) -> None:
    one, other = both(1, 0.2, 0.1)
    paths = {name: tmp_path / f"{name}.npz" for name in ("inside", "outside", "0.25")}
    for path, values in zip(paths.values(), (one, other, one), strict=True):
        write_values(values.items(), path)

    def quantities(shares: dict[str, float]) -> set[str]:
        measure_arms(
            values=[paths[name] for name in shares],
            estimates=tmp_path / "arms.parquet",
            study="study",
            shares=shares,
            intervals=Intervals(),
            settings=Realism(),
            seed=1,
        )
        return set(read_table(tmp_path / "arms.parquet", ESTIMATES)["quantity"])

    effects = {"realism advantage", "realism interaction"}
    assert quantities({"inside": 0.0, "outside": 1.0}) == effects
    assert quantities({"inside": 0.0, "0.25": 0.25}) == {"halving share"}
    assert quantities({"inside": 0.0, "outside": 1.0, "0.25": 0.25}) == {*effects, "halving share"}
