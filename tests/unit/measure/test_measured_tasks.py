"""What the tasks say: by hand, whichever side is called inside, and of a truth that is known."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap.measure.tasks import measure_tasks
from facegap.settings.measure import Intervals
from facegap.tables.acquire import FACES
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.classify import TASK_PREDICTIONS
from facegap.tables.measure import ESTIMATES

SETS = ("source", "target")
SHARES = (0.0, 0.5, 1.0)
PERSONS = 150


def written(
    folder: Path,
    seed: int,
    *,
    harder: float = 0.0,
    boundary: float = 0.0,
    data_set: float = 0.0,
    repeats: int = 4,
) -> dict[str, object]:
    """A job of measure_tasks, of heads whose chance of being right is 0.8, less what is given.

    `harder`: on the faces outside, whoever answers. `boundary`: for heads of the other side, half
    as much for those of both. `data_set`: for heads of the other data set. A person has a picture
    with the label, and one without.
    """
    rng = np.random.default_rng(seed)
    parts, faces = [], []
    for name in SETS:
        known = pd.DataFrame(
            [
                (f"{name}{side}{has}{k}", f"{name}{side}{k}", side, has)
                for side, has in product(SIDES, (True, False))
                for k in range(PERSONS)
            ],
            columns=["face_id", "subject_id", "side", "positive"],
        )
        table = known[["face_id", "subject_id"]].assign(path=known["face_id"], split="test")
        faces.append(folder / f"{name}.parquet")
        write_table(table.assign(age=np.nan, gender=None, race_raw=None), faces[-1], FACES)
        outside = (known["side"] == "outside").to_numpy()
        easy = rng.random(len(known))  # of a face, for all that answer
        for trained_on, share, repeat in product(SETS, SHARES, range(repeats)):
            away = np.where(outside, 1 - share, share)
            chance = 0.8 - harder * outside - boundary * away - data_set * (trained_on != name)
            own = 0.7 * easy + 0.3 * rng.random(len(known))
            right = own < np.quantile(own, np.clip(chance, 0, 1))
            probability = np.where(right == known["positive"], 0.9, 0.1)
            about = {"trained_on": trained_on, "share": share, "repeat": repeat, "dataset": name}
            about |= {"task": "Smiling", "training_faces": 100}
            parts.append(known.assign(**about, probability=probability))
    table = pd.concat(parts, ignore_index=True)[list(TASK_PREDICTIONS.columns)]
    write_table(table, folder / "predictions.parquet", TASK_PREDICTIONS)
    return {
        "predictions": [folder / "predictions.parquet"],
        "fine_tuned": [],
        "faces": faces,
        "estimates": folder / "estimates.parquet",
        "study": "test",
        "datasets": list(SETS),
        "intervals": Intervals(),
        "seed": 1,
    }


def measured(job: dict[str, object]) -> pd.DataFrame:
    measure_tasks(**job)  # type: ignore[arg-type]
    return read_table(str(job["estimates"]), ESTIMATES)


def value(table: pd.DataFrame, quantity: str, **where: object) -> dict[str, float]:
    where = {"metric": "balanced accuracy", "task": "Smiling", **where}
    fits = table["quantity"] == quantity
    for column, wanted in where.items():
        fits &= table[column].isna() if wanted is None else (table[column] == wanted).fillna(False)
    rows = table[fits].to_dict("records")
    assert len(rows) == 1, (quantity, where, len(rows))
    return rows[0]


def test_the_rows_are_what_they_are_called(tmp_path: Path) -> None:
    job = written(tmp_path, 1, harder=0.1, boundary=0.2, data_set=0.05)
    table = measured(job)
    answers = read_table(tmp_path / "predictions.parquet", TASK_PREDICTIONS)
    right = (answers["probability"] >= 0.5) == answers["positive"]
    by = ["trained_on", "share", "dataset", "side", "positive"]
    of_strata = right.groupby([answers[name] for name in by]).mean()
    share = of_strata.groupby(level=by[:4]).mean()  # balanced over the label
    for trained_on, tested_on in product(SETS, SETS):
        on = {"trained_on": trained_on, "tested_on": tested_on}
        for of_outside in SHARES:
            inside, outside = (share[trained_on, of_outside, tested_on, side] for side in SIDES)
            found = value(table, "group gap", share=of_outside, **on)["estimate"]
            assert found == pytest.approx(inside - outside)
            for side, own in zip(SIDES, (inside, outside), strict=True):
                row = value(
                    table, "task performance", share=of_outside, group=f"side: {side}", **on
                )
                assert row["estimate"] == pytest.approx(own)
                assert (row["faces"], row["persons"]) == (
                    2 * PERSONS,
                    PERSONS,
                )
        advantages = {
            "inside": share[trained_on, 0, tested_on, "inside"]
            - share[trained_on, 1, tested_on, "inside"],
            "outside": share[trained_on, 1, tested_on, "outside"]
            - share[trained_on, 0, tested_on, "outside"],
        }
        for side, own in advantages.items():
            row = value(table, "own-side advantage", group=f"side: {side}", **on)
            assert row["estimate"] == pytest.approx(own)
        interaction = value(table, "interaction", **on)["estimate"]
        assert interaction == pytest.approx(sum(advantages.values()))
    own, other = (
        share.xs((trained_on, 0.5, "target"), level=(0, 1, 2)).mean()
        for trained_on in ("target", "source")
    )
    effect = value(table, "data-set effect", trained_on="source", tested_on="target")
    assert effect["estimate"] == pytest.approx(own - other)
    both = [value(table, "interaction", trained_on=name, tested_on=name) for name in SETS]
    mean = value(table, "interaction", trained_on=None, tested_on=None)
    assert mean["estimate"] == pytest.approx(np.mean([row["estimate"] for row in both]))
    error = np.hypot(*(row["standard_error"] for row in both)) / 2
    assert mean["standard_error"] == pytest.approx(error, rel=0.01), "the sets are independent"
    apart = value(table, "interaction difference")
    assert apart["estimate"] == pytest.approx(both[1]["estimate"] - both[0]["estimate"])
    assert mean["adjusted_p"] == mean["p"], "one task"
    every = value(table, "interaction", trained_on=None, tested_on=None, task="all")
    for column in ("estimate", "low", "high", "p"):
        assert every[column] == pytest.approx(mean[column])


def test_a_harder_side_is_a_group_gap_and_no_interaction(tmp_path: Path) -> None:
    table = measured(written(tmp_path, 1, harder=0.2))
    for name in SETS:
        gap = value(table, "group gap", share=0.5, trained_on=name, tested_on=name)
        assert gap["low"] > 0.1
    mean = value(table, "interaction", trained_on=None, tested_on=None)
    assert mean["low"] < 0 < mean["high"]
    assert abs(mean["estimate"]) < 0.05


def test_a_boundary_is_an_interaction_with_both_advantages(tmp_path: Path) -> None:
    table = measured(written(tmp_path, 1, boundary=0.2))
    mean = value(table, "interaction", trained_on=None, tested_on=None)
    assert mean["low"] < 0.4 < mean["high"]
    for side in SIDES:
        about = {"trained_on": None, "tested_on": None, "group": f"side: {side}"}
        row = value(table, "own-side advantage", **about)
        assert row["low"] > 0
        odds = value(table, "own-side advantage", metric="log odds", **about)
        assert odds["low"] > 0
        true = np.log(0.8 / 0.2) - np.log(0.6 / 0.4)
        assert odds["estimate"] == pytest.approx(true, abs=0.2)


def test_whichever_side_is_inside_the_interaction_is_the_same(tmp_path: Path) -> None:
    job = written(tmp_path, 3, boundary=0.1, harder=0.1)
    before = measured(job)
    table = read_table(tmp_path / "predictions.parquet", TASK_PREDICTIONS)
    other = {"inside": "outside", "outside": "inside"}
    table = table.assign(side=table["side"].map(other), share=1 - table["share"])
    write_table(table, tmp_path / "predictions.parquet", TASK_PREDICTIONS)
    after = measured(job)
    where = {"trained_on": None, "tested_on": None}
    for quantity, more in (("interaction", {}), ("own-side advantage", {"group": "side: inside"})):
        exchanged = {key: text.replace("inside", "outside") for key, text in more.items()}
        one, two = (
            value(before, quantity, **where, **more),
            value(after, quantity, **where, **exchanged),
        )
        for column in ("estimate", "low", "high", "p"):
            assert one[column] == pytest.approx(two[column])


def test_several_tasks_of_the_same_persons_are_one_mean(tmp_path: Path) -> None:
    """Heads of their own, on the same faces: hard faces are hard in each task."""
    found = []
    for seed in range(24):
        folder = tmp_path / str(seed)
        folder.mkdir()
        job = written(folder, seed, boundary=0.1, repeats=2)
        (path,) = job["predictions"]  # type: ignore[misc]
        first = read_table(path, TASK_PREDICTIONS)
        write_table(first.assign(task="Bangs"), folder / "more.parquet", TASK_PREDICTIONS)
        target = first[(first["dataset"] == "target") & (first["trained_on"] == "target")]
        write_table(target.assign(task="Young"), folder / "one.parquet", TASK_PREDICTIONS)
        more = [path, folder / "more.parquet", folder / "one.parquet"]
        found.append(measured({**job, "predictions": more}))
    where = {"trained_on": None, "tested_on": None}
    rows = [
        [value(table, "interaction", task=task, **where) for task in ("all", "Smiling", "Young")]
        for table in found
    ]
    values = np.array([[row["estimate"] for row in each] for each in rows])
    errors = np.array([[row["standard_error"] for row in each] for each in rows])
    assert values[:, 0] == pytest.approx((2 * values[:, 1] + values[:, 2]) / 3)
    assert errors[:, 0].mean() == pytest.approx(values[:, 0].std(), rel=0.45)
    for table in found[:3]:
        adjusted = [value(table, "interaction", task=task, **where) for task in ("Bangs", "Young")]
        assert all(row["adjusted_p"] >= row["p"] for row in adjusted)
        assert value(table, "interaction", task="all", **where)["family"] != adjusted[0]["family"]
