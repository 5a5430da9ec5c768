"""Measures of classifiers: those of scikit-learn, over persons, and honest about small groups."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from facegap.configurations import Configuration
from facegap.errors import DataError
from facegap.groups import group_values
from facegap.measure.classification import (
    differences,
    measure_classification,
    transfer_gaps,
)
from facegap.measure.group_performance import BINS, LEAST, by_group, calibration
from facegap.measure.performance import METRICS
from facegap.settings.measure import Intervals
from facegap.statistics.means import student
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PREDICTIONS, RUNS
from facegap.tables.measure import ESTIMATES

AUGMENTED = Configuration("vgg16", "augmented", "adam", "sgd")
PLAIN = replace(AUGMENTED, preprocessing="plain")
COUNT = 150


def run(configuration: Configuration, trained_on: str, repeat: int, **more: Any) -> dict[str, Any]:
    """A row of RUNS, of a fine-tuned model unless `more` says else."""
    row = {
        "run": f"{configuration.name}-{trained_on}-{repeat}",
        "model": configuration.name,
        **asdict(configuration),
        **{"stage": "fine-tuned", "trained_on": trained_on, "repeat": repeat},
        **{"source_accuracy": 0.9, "target_accuracy": 0.9, "loss": 0.1},
    }
    return {**row, "epochs_to_convergence": 1, **more}


def predictions_of(
    configuration: Configuration,
    trained_on: str,
    dataset: str,
    inside: NDArray[np.bool_],
    right: NDArray[np.bool_],
    repeat: int = 0,
) -> pd.DataFrame:
    """Rows of PREDICTIONS: 0.8 for the right side of faces that are named by number."""
    sure = np.where(right == inside, 0.8, 0.2)
    table = pd.DataFrame({"label": np.where(inside, "inside", "outside"), "probability": sure})
    table["face_id"] = [f"{dataset}{k}" for k in range(len(table))]
    return table.assign(
        model=configuration.name,
        **{"repeat": repeat, "trained_on": trained_on, "dataset": dataset, "task": "boundary"},
    )


def measured(
    folder: Path,
    runs: Sequence[Mapping[str, Any]],
    predictions: Sequence[pd.DataFrame],
    faces: Mapping[str, pd.DataFrame],
    intervals: Intervals,
) -> pd.DataFrame:
    """The estimates; the selected configuration is AUGMENTED."""
    for dataset, table in faces.items():
        write_table(table, folder / f"{dataset}.parquet", FACES)
    write_table(pd.DataFrame(runs), folder / "runs.parquet", RUNS)
    parts = pd.concat(predictions)[list(PREDICTIONS.columns)]
    write_table(parts, folder / "predictions.parquet", PREDICTIONS)
    (folder / "selected.json").write_text(json.dumps({"name": AUGMENTED.name}))
    measure_classification(
        runs=folder / "runs.parquet",
        predictions=folder / "predictions.parquet",
        selected=folder / "selected.json",
        faces=[folder / f"{dataset}.parquet" for dataset in faces],
        estimates=folder / "estimates.parquet",
        study="study",
        datasets=list(faces),
        intervals=intervals,
        seed=1,
    )
    return read_table(folder / "estimates.parquet", ESTIMATES)


def of(table: pd.DataFrame, quantity: str, **where: str) -> pd.DataFrame:
    """The rows of a quantity in which columns have these values."""
    fits = table["quantity"] == quantity
    for column, value in where.items():
        fits &= (table[column] == value).fillna(False).astype(bool)
    return table[fits]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=4, max_size=30
    )
)
def test_metrics_are_those_of_scikit_learn_with_faces_as_often_as_in_a_sample(
    faces: list[tuple[bool, int, int]],
) -> None:
    inside = np.array([face[0] for face in faces])
    probability = np.array([face[1] for face in faces]) / 10
    counts = np.array([[face[2] for face in faces]], dtype=float)
    if not all((counts[0] @ side) > 0 for side in (inside, ~inside)):
        return
    weights = {"sample_weight": counts[0]}
    expected = {
        "accuracy": np.average((probability >= 0.5) == inside, weights=counts[0]),
        "balanced accuracy": balanced_accuracy_score(inside, probability >= 0.5, **weights),
        "AUROC": roc_auc_score(inside, probability, **weights),
        "Brier score": brier_score_loss(inside, probability, **weights),
    }
    values = {name: metric(inside, probability, counts)[0] for name, metric in METRICS.items()}
    assert values == pytest.approx(expected)


def faces_of(dataset: str, persons: int) -> pd.DataFrame:
    """Three pictures a person; every other person is inside, the ages are 20 to 79."""
    ids = [f"{dataset}{k}" for k in range(3 * persons)]
    table = pd.DataFrame({"face_id": ids, "path": ids, "split": "test"})
    person = np.arange(3 * persons) // 3
    table["subject_id"] = [f"{dataset}-p{k}" for k in person]
    table["age"] = 20.0 + person % 60
    return table.assign(gender=np.where(person % 3 == 0, "male", "female"), race_raw=None)


def study(
    folder: Path,
    accuracy: dict[tuple[str, str], float],
    intervals: Intervals,
    persons: int = 40,
) -> pd.DataFrame:
    """The estimates of one configuration trained on each data set, and of a worse one."""
    rng, runs, predictions = np.random.default_rng(0), [], []
    datasets = list(dict.fromkeys(tested for _, tested in accuracy))
    inside = np.arange(3 * persons) // 3 % 2 == 0
    for configuration, trained, worse in [
        *((AUGMENTED, trained, 0.0) for trained in datasets),
        (PLAIN, "source", 0.3),
    ]:
        runs.append(run(configuration, trained, 0))
        for dataset in datasets:
            right = rng.random(len(inside)) < accuracy[trained, dataset] - worse
            predictions.append(predictions_of(configuration, trained, dataset, inside, right))
    faces = {dataset: faces_of(dataset, persons) for dataset in datasets}
    return measured(folder, runs, predictions, faces, intervals)


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory, intervals: Intervals) -> pd.DataFrame:
    names = ("source", "target", "third")
    accuracy = {(a, b): 0.95 if a == b else 0.7 for a in names for b in names}
    return study(tmp_path_factory.mktemp("classification"), accuracy, intervals)


def test_every_data_set_is_a_row_and_a_column_of_the_matrix(estimates: pd.DataFrame) -> None:
    matrix, gaps = (
        of(estimates, "transfer matrix", metric=metric).set_index(["trained_on", "tested_on"])
        for metric in ("accuracy", "accuracy gap")
    )
    assert len(matrix) == len(gaps) == 9
    assert matrix.loc[("third", "third"), "estimate"] == pytest.approx(0.95, abs=0.07)
    assert (matrix["low"] <= matrix["estimate"]).all()
    gap = gaps.loc[("third", "source")]
    own, other = (matrix.loc[("third", name), "estimate"] for name in ("third", "source"))
    assert gap["estimate"] == pytest.approx(own - other)
    assert 0 < gap["low"] < gap["estimate"] < gap["high"]
    assert gaps.loc[("third", "third"), ["estimate", "low", "high"]].tolist() == [0, 0, 0]


def test_the_gap_that_was_planted_shows_in_every_metric(estimates: pd.DataFrame) -> None:
    own = of(estimates, "performance", model=AUGMENTED.name, trained_on="source")
    values = own.set_index(["tested_on", "metric"])
    for name in ("accuracy", "balanced accuracy", "AUROC"):
        assert values.loc[("source", name), "low"] > values.loc[("target", name), "high"]
    brier = "Brier score"
    assert values.loc[("source", brier), "high"] < values.loc[("target", brier), "low"]
    assert (own["persons"] == 40).all()
    assert (own["faces"] == 120).all()


def test_groups_and_their_crossings_add_up(estimates: pd.DataFrame) -> None:
    groups = of(estimates, "group performance")
    groups = groups.assign(factors=[" × ".join(group_values(name)) for name in groups["group"]])
    target = groups[groups["tested_on"] == "target"]
    every = target[target["group"] == "all"].iloc[0]
    assert every["faces"] == 120
    for factors in ("side", "gender", "age"):
        parts = target[target["factors"] == factors]
        mean = np.average(parts["estimate"], weights=parts["faces"].astype(int))
        assert parts["faces"].sum() == 120
        assert mean == pytest.approx(every["estimate"])
    ages = target.loc[target["factors"] == "age", "group"]
    assert sorted(ages) == ["age: 0 to 29", "age: 30 to 49", "age: 50 and over"]
    assert (groups["persons"] >= LEAST).all()
    assert "side × gender × age" not in set(groups["factors"]), "too few persons in each"


def test_a_factor_with_the_boundary_s_groups_is_counted_once(
    tmp_path: Path, intervals: Intervals
) -> None:
    table = faces_of("target", 40)
    inside = table["gender"] == "female"
    write_table(table, tmp_path / "faces.parquet", FACES)
    answers = table[["face_id"]].assign(
        dataset="target", person=table["subject_id"], inside=inside, right=inside
    )
    rows = by_group(answers, {"target": tmp_path / "faces.parquet"}, intervals)
    factors = {" × ".join(group_values(row["group"])) for row in rows}
    assert factors == {"", "side", "age", "side × age"}


def test_a_group_without_an_error_still_has_an_interval(
    tmp_path: Path, intervals: Intervals
) -> None:
    perfect = dict.fromkeys([(a, b) for a in ("source", "target") for b in ("source", "target")], 2)
    groups = of(study(tmp_path, perfect, intervals), "group performance")
    assert (groups["estimate"] == 1).all()
    assert (groups["low"] < 1).all()


def test_two_models_are_compared_on_the_same_faces(estimates: pd.DataFrame) -> None:
    pairs = of(estimates, "difference")
    assert len(pairs) == 1
    row = pairs.iloc[0]
    assert row["model"] == f"{AUGMENTED.name} − {PLAIN.name}"
    alone = of(estimates, "right alone").set_index("model")["estimate"]
    one, other = alone[row["model"]], alone[f"{PLAIN.name} − {AUGMENTED.name}"]
    assert row["estimate"] == pytest.approx((one - other) / 120)
    assert row["low"] > 0
    assert row["p"] < 0.001
    assert row["adjusted_p"] == row["p"]


def test_holms_correction_is_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    parts = []
    for k, accuracy in enumerate((0.9, 0.85, 0.6)):
        part = pd.DataFrame({"face_id": np.arange(200).astype(str)})
        probability = rng.random(200) * 0.5 + 0.5 * (rng.random(200) < accuracy)
        part = part.assign(right=probability >= 0.5, person=part["face_id"])
        parts.append(part.assign(model=f"m{k}", trained_on="source", dataset="target"))
    rows = pd.DataFrame(differences(pd.concat(parts), 0.95, 1))
    table = rows[rows["quantity"] == "difference"]
    assert len(table) == 3
    smallest = table.loc[table["p"].idxmin()]
    assert smallest["adjusted_p"] == pytest.approx(min(1, 3 * smallest["p"]))
    assert (table["adjusted_p"] >= table["p"]).all()


def test_calibration_is_the_share_inside_by_the_probability() -> None:
    rng = np.random.default_rng(0)
    answers = pd.DataFrame({"probability": rng.random(4000), "dataset": "target"})
    answers["inside"] = rng.random(4000) < answers["probability"]
    answers["person"] = np.arange(4000).astype(str)
    curve = pd.DataFrame(calibration(answers, 0.95))
    assert len(curve) == BINS
    inside = (curve["low"] <= curve["share"]) & (curve["share"] <= curve["high"])
    assert inside.sum() >= 8
    constant = list(calibration(answers.assign(probability=0.5), 0.95))
    assert len(constant) <= 1


def test_means_of_trainings_are_over_repeats_and_of_heads_too(
    tmp_path: Path, intervals: Intervals
) -> None:
    faces = {dataset: faces_of(dataset, 10) for dataset in ("source", "target")}
    inside = np.arange(30) // 3 % 2 == 0
    predictions = [
        predictions_of(AUGMENTED, "source", dataset, inside, inside | True, repeat)
        for dataset in faces
        for repeat in range(3)
    ]
    values = [0.7, 0.8, 0.75]
    runs = [
        *(run(AUGMENTED, "source", k, target_accuracy=v) for k, v in enumerate(values)),
        run(AUGMENTED, "source", 0, run="head", model=AUGMENTED.head_name, stage="head", loss=0.4),
    ]
    runs[0]["source_accuracy"] = None
    means = of(measured(tmp_path, runs, predictions, faces, intervals), "training mean")
    own = of(means, "training mean", model=AUGMENTED.name, metric="accuracy", tested_on="target")
    assert own[["estimate", "low", "high"]].iloc[0].tolist() == list(student(values, 0.95))
    head = means[means["model"] == AUGMENTED.head_name].set_index("metric")
    assert head.loc["cross-entropy", "estimate"] == pytest.approx(0.4)
    assert head["low"].isna().all(), "one repeat has no spread"
    assert means.loc[means["metric"] == "epochs to convergence", "tested_on"].isna().all()
    assert set(means["task"]) == {"boundary"}


def test_no_interval_of_a_mean_leaves_the_bounds_of_its_metric(
    tmp_path: Path, intervals: Intervals
) -> None:
    faces = {dataset: faces_of(dataset, 10) for dataset in ("source", "target")}
    inside = np.arange(30) // 3 % 2 == 0
    predictions = [
        predictions_of(AUGMENTED, "source", dataset, inside, inside | True, repeat)
        for dataset in faces
        for repeat in range(2)
    ]
    runs = [
        run(AUGMENTED, "source", k, source_accuracy=0.9 + k / 50, target_accuracy=k / 50, loss=loss)
        for k, loss in enumerate((0.5, 0.6))
    ]
    rows = measured(tmp_path, runs, predictions, faces, intervals)
    means = of(rows, "training mean").set_index(["metric", "tested_on"])
    assert means.loc[("accuracy", "source"), "high"] == 1  # 0.91 ± 12.7 * 0.01
    assert means.loc[("accuracy", "target"), "low"] == 0
    loss = means.loc[("cross-entropy", "target")]  # 0.55 ± 12.7 * 0.05
    assert loss["low"] == 0
    assert loss["high"] == pytest.approx(0.55 + 12.7062 * 0.05, abs=1e-3)


def gaps(
    folder: Path, intervals: Intervals, accuracy: dict[str, float], seed: int, repeats: int = 3
) -> pd.DataFrame:
    """The estimates of one configuration whose repeats answer all alike."""
    rng, faces, right = np.random.default_rng(seed), {}, {}
    for dataset, share in accuracy.items():
        names = [f"{dataset}{k}" for k in range(COUNT)]
        table = pd.DataFrame({"face_id": names, "path": names, "split": "test", "age": np.nan})
        table = table.assign(subject_id=[f"p{k // 3}" for k in range(COUNT)], gender=None)
        faces[dataset] = table.assign(race_raw=None)
        right[dataset] = rng.random(COUNT) < share
    inside = np.arange(COUNT) % 3 > 0  # two thirds
    predictions = [
        predictions_of(AUGMENTED, "source", dataset, inside, answers, repeat)
        for repeat in range(repeats)
        for dataset, answers in right.items()
    ]
    runs = [run(AUGMENTED, "source", repeat) for repeat in range(repeats)]
    return measured(folder, runs, predictions, faces, intervals)


def test_a_gap_is_found_and_measured(tmp_path: Path, intervals: Intervals) -> None:
    table = gaps(tmp_path, intervals, {"source": 0.95, "target": 0.7}, seed=0)
    estimates = of(table, "transfer gap")
    assert list(estimates["model"]) == [AUGMENTED.name, "all"]
    assert (estimates["low"] > 0).all()
    assert estimates["estimate"].tolist() == pytest.approx([0.25] * 2, abs=0.1)
    majority = of(table, "majority class", model="all", tested_on="target").iloc[0]
    assert majority["estimate"] == pytest.approx(2 / 3)
    assert majority["faces"] == COUNT
    mean = of(table, "mean accuracy", model="all").set_index("tested_on")["estimate"]
    assert mean["source"] - mean["target"] == pytest.approx(estimates["estimate"].iloc[1])


def test_no_gap_is_seldom_called_one() -> None:
    called = 0
    faces = pd.DataFrame({"dataset": np.repeat(["source", "target"], COUNT), "inside": True})
    faces["face_id"] = faces.index.astype(str)
    faces["person"] = faces["dataset"] + (faces.index // 3).astype(str)
    for seed in range(40):
        right = np.random.default_rng(seed).random(len(faces)) < 0.9
        rows = pd.DataFrame(transfer_gaps(faces.assign(model=PLAIN.name, right=right), 0.95, seed))
        called += of(rows, "transfer gap", model="all")["low"].iloc[0] > 0
    assert called <= 4  # 2.5% each: more than 4 of 40 by chance once in 300


def test_repeats_of_one_model_do_not_narrow_the_interval(
    tmp_path: Path, intervals: Intervals
) -> None:
    ends = ["estimate", "low", "high"]
    one, ten = (
        of(
            gaps(tmp_path, intervals, {"source": 0.9, "target": 0.8}, 3, repeats=repeats),
            "transfer gap",
            model="all",
        )[ends].iloc[0]
        for repeats in (1, 10)
    )
    assert ten.tolist() == pytest.approx(one.tolist())


def test_a_data_set_without_predictions_is_named(tmp_path: Path, intervals: Intervals) -> None:
    with pytest.raises(DataError, match="none of vgg16, augmented, adam/sgd on the target's test"):
        gaps(tmp_path, intervals, {"source": 0.9}, 1)
