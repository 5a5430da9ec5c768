"""With wrong labels outcomes shrink; simulated and extrapolated they come back."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap.errors import DataError
from facegap.measure.label_error import (
    OUTCOMES,
    extrapolated,
    measure_label_error,
    outcome_rows,
)
from facegap.settings.measure import Intervals
from facegap.statistics.interval import Interval
from facegap.statistics.performance import Answers, Estimate, interval_of
from facegap.statistics.proportions import wilson
from facegap.tables.acquire import FACES
from facegap.tables.base import DOMAINS, read_table, write_table
from facegap.tables.classify import MISLABELLED, MISLABELLED_TASKS
from facegap.tables.measure import ESTIMATES, estimates

RATES = (0.03, 0.06, 0.1)
TESTED = 3000
RIGHT = {("source", "source"): 0.95, ("source", "target"): 0.75, ("target", "target"): 0.9}


def of(value: float, error: float = 0.02) -> Estimate:
    return Estimate(Interval(value, value - 0.04, value + 0.04), error, 200.0, "persons")


def test_a_parabola_is_followed_to_where_it_was_planted() -> None:
    by_rate = {rate: [of(0.3 - 0.8 * rate + rate**2)] * 2 for rate in RATES}
    by_rate[0.0] = [of(0.3)]
    found = extrapolated(by_rate, 0.05)
    assert found.estimate == pytest.approx(0.3 + 0.8 * 0.05 + 0.05**2)
    assert found.slope == pytest.approx(-0.8 - 2 * 0.05)
    assert found.error >= 0.02, "never surer than without"


def test_an_unknown_error_gives_no_number_and_a_doubtful_one_a_wider_interval() -> None:
    by_rate = {rate: [of(0.3 - rate)] * 2 for rate in RATES} | {0.0: [of(0.3)]}
    nothing = Interval(*[float("nan")] * 3)
    sure, doubtful = Interval(0.03, 0.029, 0.031), Interval(0.03, 0.0, 0.1)
    errors = {"no error": sure, "errors alike": doubtful, "unknown": nothing}
    rows = list(outcome_rows("transfer loss", by_rate, errors, 0.95))
    assert rows[0]["group"] == "outcome: transfer loss × labels: as they are"
    assert rows[1]["estimate"] == rows[2]["estimate"] == pytest.approx(0.33)
    assert rows[2]["high"] - rows[2]["low"] > 1.2 * (rows[1]["high"] - rows[1]["low"])
    assert "estimate" not in rows[3]


def simulated(error: float) -> pd.DataFrame:
    """Models that are right so often, judged by labels of which a share `error` is wrong already.

    In training labels do nothing here, so that what they do in judging is known: a share p that is
    right looks like p (1 - e) + (1 - p) e.
    """
    rng = np.random.default_rng(0)
    tables = []
    for (trained_on, dataset), share in RIGHT.items():
        inside = np.arange(TESTED) % 2 == 0
        order = np.argsort(rng.random(TESTED // 2)).repeat(2)
        right = order < share * TESTED / 2
        probability = np.where(right == inside, 0.9, 0.1)
        of_target = np.random.default_rng(1)
        wrong = (of_target.random(TESTED) < error) & (dataset == "target")
        for rate in (0.0, *RATES) if dataset == "target" else (0.0,):
            for simulation in range(6 if rate else 1):
                more = np.random.default_rng([int(1000 * rate), simulation]).random(TESTED) < rate
                table = pd.DataFrame({"face_id": [f"{dataset}{k}" for k in range(TESTED)]})
                table = table.assign(inside=inside ^ wrong ^ more, probability=probability)
                table = table.assign(rate=rate, simulation=simulation, repeat=0)
                tables.append(table.assign(trained_on=trained_on, dataset=dataset))
    every = pd.concat(tables)
    return pd.concat([every, every.assign(repeat=1)])[list(MISLABELLED.columns)]


def measured(
    folder: Path, error: float, known: float, tasks: list[Path] | None = None
) -> pd.DataFrame:
    write_table(simulated(error), folder / "mislabelled.parquet", MISLABELLED)
    for name in ("source", "target"):
        ids = [f"{name}{k}" for k in range(TESTED)]
        faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ids, "split": "test"})
        faces = faces.assign(age=np.nan, gender="male", race_raw=None).astype({"race_raw": "str"})
        write_table(faces, folder / f"{name}.parquet", FACES)
    ends = {"low": known, "high": known}
    for name, row in (
        ("partition", {"quantity": "label error", "group": "provenance: people"}),
        ("agreement", {"quantity": "answer error", "group": "all"}),
    ):
        shown = known * (2 if name == "agreement" else 1)
        rows = [{**row, **ends, "estimate": shown}] if known >= 0 else []
        write_table(estimates(rows, "study"), folder / f"{name}.parquet", ESTIMATES)
    other = {"quantity": "faces of the other side", "estimate": 0.0, "faces": 9}
    domains = [{**other, "group": f"domain: {name}"} for name in DOMAINS]
    roles = folder / "roles.parquet"
    write_table(estimates(domains, "study"), roles, ESTIMATES)
    measure_label_error(
        mislabelled=folder / "mislabelled.parquet",
        mislabelled_tasks=tasks or [],
        faces=[folder / "source.parquet", folder / "target.parquet"],
        partition_estimates=folder / "partition.parquet",
        agreement_estimates=folder / "agreement.parquet",
        realism=[],
        roles=roles,
        estimates=folder / "label_error.parquet",
        study="study",
        datasets=["source", "target"],
        intervals=Intervals(),
    )
    return read_table(folder / "label_error.parquet", ESTIMATES).set_index("group")


@pytest.mark.parametrize("error", [0.0, 0.05])
def test_the_outcomes_with_right_labels_come_back(tmp_path: Path, error: float) -> None:
    """The loss is truly 0.15, the gap 0.2; an error of e shrinks the loss by 1 - 2e."""
    table = measured(tmp_path, error, error)
    loss = table.filter(like="transfer loss", axis=0)["estimate"].tolist()
    assert loss[0] == pytest.approx(0.15 * (1 - 2 * error), abs=0.012)
    assert loss[1] == pytest.approx(0.15, abs=0.015)
    gap = table.filter(like="transfer gap", axis=0)["estimate"].tolist()
    assert gap[0] == pytest.approx(0.95 - (0.75 * (1 - error) + 0.25 * error), abs=0.012)
    assert gap[1] == pytest.approx(0.2, abs=0.015)
    assert table["share"].tolist()[1:3] == [error, 2 * error]


def answers_of_study(
    rng: np.random.Generator, error: float, faces: int
) -> Iterator[tuple[float, dict[tuple[str, str], Answers]]]:
    """A study of so many faces a part: rates of further error, and the answers beside them.

    Models are right as RIGHT says, by chance, and both of one target see the same hard faces.
    """
    inside, person = np.arange(faces) % 2 == 0, np.arange(faces)
    hard = {name: rng.random(faces) for name in ("source", "target")}
    wrong = rng.random(faces) < error
    right = {(one, other): (0.5 * hard[other] + 0.5 * rng.random(faces)) for one, other in RIGHT}
    cut = {key: 1 - ((1 - share) / 2) ** 0.5 for key, share in RIGHT.items()}  # of the mean of two
    for rate in (0.0, *RATES):
        for _ in range(6 if rate else 1):
            more = rng.random(faces) < rate
            parts = {}
            for key, luck in right.items():
                labels = inside ^ wrong ^ more if key[1] == "target" else inside
                answer = np.where((luck < cut[key]) == inside, 0.9, 0.1)
                parts[key] = Answers(labels, person, np.stack([answer, answer]))
            yield rate, parts


def test_the_intervals_with_the_error_taken_off_hold_the_truth() -> None:
    """As often as they say, where 300 labels were tried to know the error."""
    rng, error, studies = np.random.default_rng(20_261_129), 0.05, 200
    truths = {"transfer loss": 0.15, "transfer gap": 0.2, "group gap": 0.0}
    held = dict.fromkeys(truths, 0)
    without = dict.fromkeys(truths, 0)
    for _ in range(studies):
        by_rate: dict[str, dict[float, list[Estimate]]] = {name: {} for name in truths}
        for rate, parts in answers_of_study(rng, error, 240):
            for name in truths:
                found = interval_of(OUTCOMES[name][1](parts), 0.95)
                by_rate[name].setdefault(rate, []).append(found)
        tried = rng.binomial(300, error)
        known = {"no error": wilson(tried, 300, 0.95)}
        for name, truth in truths.items():
            now, off = outcome_rows(name, by_rate[name], known, 0.95)
            held[name] += off["low"] <= truth <= off["high"]
            without[name] += now["low"] <= truth <= now["high"]
    for name, count in held.items():
        assert count / studies >= 0.92, name
    assert held["transfer gap"] > without["transfer gap"], "whose labels are wrong"


def a_task(folder: Path, error: float) -> Path:
    """Heads that are right 9 times in 10 on their own side, 7 times on the other, by true sides.

    Of a share of the faces, and of the further errors, the side is wrong.
    """
    parts = []
    true_side = np.arange(TESTED) % 2 == 0
    positive = np.arange(TESTED) // 2 % 2 == 0
    rng = np.random.default_rng(3)
    wrong, luck = rng.random(TESTED) < error, rng.random(TESTED)
    for rate in (0.0, *RATES):
        for simulation in range(6 if rate else 1):
            more = np.random.default_rng([int(1000 * rate), simulation]).random(TESTED) < rate
            side = np.where(true_side ^ wrong ^ more, "inside", "outside")
            for share, repeat in ((0.0, 0), (0.0, 1), (1.0, 0), (1.0, 1)):
                right = luck < np.where(true_side == (share == 0), 0.9, 0.7)
                table = pd.DataFrame({"face_id": [f"target{k}" for k in range(TESTED)]})
                table = table.assign(side=side, positive=positive, share=share, repeat=repeat)
                table["probability"] = np.where(right == positive, 0.9, 0.1)
                parts.append(table.assign(rate=rate, simulation=simulation))
    about = {"task": "Smiling", "trained_on": "target", "dataset": "target", "training_faces": 9}
    every = pd.concat(parts).assign(**about)[list(MISLABELLED_TASKS.columns)]
    write_table(every, folder / "Smiling.parquet", MISLABELLED_TASKS)
    return folder / "Smiling.parquet"


def test_a_tasks_interaction_with_right_sides_comes_back(tmp_path: Path) -> None:
    """Truly 0.4, and 0.2 on either side; with errors e on both sides it shrinks by 1 - 2e."""
    none = pd.DataFrame(columns=list(MISLABELLED_TASKS.columns))
    write_table(none, tmp_path / "none.parquet", MISLABELLED_TASKS)
    tasks = [a_task(tmp_path, 0.05), tmp_path / "none.parquet"]
    table = measured(tmp_path, 0.05, 0.05, tasks)
    own = table[table["task"] == "Smiling"]["estimate"]
    interaction = own.filter(like="interaction").tolist()
    assert interaction[0] == pytest.approx(0.36, abs=0.02)
    assert interaction[0] < interaction[1] == pytest.approx(0.4, abs=0.045)
    for side in ("inside", "outside"):
        advantage = own.filter(like=f"advantage, {side}").tolist()
        assert advantage[0] < advantage[1] == pytest.approx(0.2, abs=0.035)


def test_an_error_that_nobody_measured_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"partition.parquet: no label error of provenance: people"):
        measured(tmp_path, 0.0, -1.0)
