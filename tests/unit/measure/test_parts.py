"""What accounts for a gap: planted, in simulated faces whose parts are known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from calibration.parts import Planted, compared, simulated
from hypothesis import given, settings
from hypothesis import strategies as st

from facegap.measure.covariates import capture, composition, matrix
from facegap.measure.parts import Compared, parts_of
from facegap.tables.align import MEASURES


def faces(
    rng: np.random.Generator, count: int = 300, trainings: int = 3, **planted: float
) -> Compared:
    """Two groups which differ in so much of each, where each makes a face the harder."""
    return compared(Planted("test", **planted), count, trainings, rng)


def parts(given: Compared, least: float = 0.2, seed: int = 0) -> dict[str, dict[str, Any]]:
    rows = parts_of(given, least, 0.95, np.random.default_rng(seed))
    return {row["group"].split(": ")[1]: row for row in rows}


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 1000),
    st.floats(-1, 1, allow_subnormal=False),
    st.floats(-1, 1, allow_subnormal=False),
    st.floats(-1, 1, allow_subnormal=False),
)
def test_the_parts_and_the_remainder_add_up_to_the_gap(
    seed: int, who: float, taken: float, crop: float
) -> None:
    given_faces = faces(np.random.default_rng(seed), 80, who=who, taken=taken, crop=crop)
    found = parts(given_faces)
    total = sum(found[name]["estimate"] for name in ("composition", "capture", "crop", "remainder"))
    assert total == pytest.approx(found["all"]["estimate"])
    means = [
        np.mean([given_faces.right[:, group & stratum].mean() for stratum in given_faces.strata])
        for group in (~given_faces.other, given_faces.other)
    ]
    assert found["all"]["estimate"] == pytest.approx(means[0] - means[1])


@pytest.mark.parametrize(
    ("planted", "named"),
    [("who", "composition"), ("taken", "capture"), ("crop", "crop"), ("rest", "remainder")],
)
def test_the_one_planted_difference_is_named(planted: str, named: str) -> None:
    found = parts(faces(np.random.default_rng(3), 400, **{planted: 1.0}))
    assert found[named]["low"] > 0.05
    others = [name for name in ("composition", "capture", "crop", "remainder") if name != named]
    for name in others:
        assert abs(found[name]["estimate"]) < 0.05 < found[named]["estimate"], name


def test_without_overlap_no_number_is_given_and_the_rest_still_is() -> None:
    far = faces(np.random.default_rng(4), 300, who=0.5, taken=9.0)
    rows = parts_of(far, 0.2, 0.95, np.random.default_rng(0))
    by = {row["group"]: row for row in rows}
    assert by["made alike: capture"]["estimate"] < 0.2 < by["made alike: composition"]["estimate"]
    assert "estimate" not in by["part: capture"]
    assert by["part: composition"]["estimate"] > 0.02
    total = sum(by[f"part: {name}"]["estimate"] for name in ("composition", "crop", "remainder"))
    assert total == pytest.approx(by["part: all"]["estimate"])
    strict = parts_of(far, 1.0, 0.95, np.random.default_rng(0))
    given = {row["group"] for row in strict if "estimate" in row and row["quantity"] != "overlap"}
    assert given == {"part: all", "part: crop", "part: remainder"}


@pytest.mark.long
def test_the_intervals_hold_the_parts_as_often_as_they_say() -> None:
    """Of 60 studies 95% are 57; 52 are three standard deviations fewer."""
    found = simulated(Planted("both", who=0.6, taken=0.4), 250, 60, 1)
    held = (found["low"] <= found["truth"]) & (found["truth"] <= found["high"])
    shares = held.groupby(found["where"]).mean()
    assert set(shares.index) == {"all", "composition", "capture", "crop", "remainder"}
    assert shares.min() >= 0.866


def test_what_both_sets_know_is_the_composition() -> None:
    utk = pd.DataFrame({"face_id": ["a", "b"], "age": [20.0, 60.0], "gender": ["male", "female"]})
    celeb = pd.DataFrame(
        {"face_id": ["c", "d"], "age": [np.nan] * 2, "gender": ["male", None], "Young": [1, 0]}
    ).assign(Bangs=[1, 0])
    one, other = composition([utk, celeb], ["Bangs"], 40)
    assert list(one) == list(other) == ["gender", "Young"]
    assert one.loc["a"].tolist() == [1, 1]
    assert other["Young"].tolist() == [1, 0]
    (alone,) = composition([celeb], ["Bangs"], 40)
    assert list(alone) == ["gender", "Young", "Bangs"]
    (aged,) = composition([utk], [], 40)
    assert list(aged) == ["gender", "age"]


def test_capture_is_in_logarithms_and_turns_count_either_way() -> None:
    row = {"face_id": "a", "faces": 1, "size": np.e, "sharpness": 1.0, "yaw": -9.0, "pitch": 2.0}
    row |= {"roll": -1.0, "light": 60.0, "tint_red": 1.0, "tint_yellow": -2.0, "skin_tone": 30.0}
    row |= {"blink": 0.1, "smile": 0.2, "hue": 40.0, "aligned": True}
    table = MEASURES.validate(pd.DataFrame([row]))
    found = capture(table).loc["a"]
    assert found["size"] == pytest.approx(1)
    assert (found["sharpness"], found["yaw"], found["roll"]) == (0, 9, 1)


def test_a_column_that_is_the_sides_other_name_is_left_out() -> None:
    inside = np.array([True, False] * 10)
    table = pd.DataFrame({"Male": inside.astype(float), "other": np.arange(20.0)})
    assert matrix(table, inside, sides=False).shape == (20, 1)
    assert matrix(table, inside, sides=True).shape == (20, 2)


def test_a_missing_value_is_the_mean_and_is_told() -> None:
    inside = np.array([True, False] * 10)
    values = np.arange(20.0)
    values[3] = np.nan
    found = matrix(pd.DataFrame({"age": values, "none": np.nan}), inside, sides=False)
    assert found.shape == (20, 2)
    assert found[3, 0] == pytest.approx(np.nanmean(values))
    assert found[:, 1].tolist() == [float(k == 3) for k in range(20)]
