"""Measures beside accuracy: those of scikit-learn, over persons, and honest about small groups."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, roc_auc_score

from facegap import tables
from facegap.report import measures

CELL = {"backbone": "vgg16", "view": "augmented", "tune_optimiser": "adam"}
CELL |= {"fine_tune_optimiser": "sgd"}
OUTPUTS = ("measures", "groups", "comparisons", "calibration", "transfer")


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=4, max_size=30
    )
)
def test_measures_are_those_of_scikit_learn_with_faces_as_often_as_drawn(
    faces: list[tuple[bool, int, int]],
) -> None:
    inside = np.array([face[0] for face in faces])
    said = np.array([face[1] for face in faces]) / 10
    drawn = np.array([[face[2] for face in faces]], dtype=float)
    if not all((drawn[0] @ side) > 0 for side in (inside, ~inside)):
        return
    weights = {"sample_weight": drawn[0]}
    expected = {
        "accuracy": np.average((said >= 0.5) == inside, weights=drawn[0]),
        "balanced accuracy": balanced_accuracy_score(inside, said >= 0.5, **weights),
        "AUROC": roc_auc_score(inside, said, **weights),
        "Brier score": brier_score_loss(inside, said, **weights),
    }
    found = {name: measure(inside, said, drawn)[0] for name, measure in measures.MEASURED.items()}
    assert found == pytest.approx(expected)


def faces_of(dataset: str, persons: int) -> pd.DataFrame:
    """Three pictures a person; every other person is inside, the ages are 20 to 79."""
    ids = [f"{dataset}{k}" for k in range(3 * persons)]
    table = pd.DataFrame({"face_id": ids, "path": ids, "split": "test"})
    person = np.arange(3 * persons) // 3
    table["subject_id"] = [f"{dataset}-p{k}" for k in person]
    table["age"] = 20.0 + person % 60
    return table.assign(gender=np.where(person % 3 == 0, "male", "female"), race_raw=None)


def study(folder: Path, accuracy: dict[tuple[str, str], float], persons: int = 40) -> dict:
    """Runs and predictions of one cell trained on each data set, and of a worse one."""
    rng, runs, said = np.random.default_rng(0), [], []
    datasets = list(dict.fromkeys(tested for _, tested in accuracy))
    for dataset in datasets:
        tables.write(faces_of(dataset, persons), folder / f"{dataset}.parquet", tables.FACES)
    cells = [(CELL, trained, 0.0) for trained in datasets]
    cells.append(({**CELL, "view": "plain"}, "source", 0.3))
    for cell, trained, worse in cells:
        run = f"{cell['view']}-{trained}"
        row: dict[str, Any] = {"run": run, **cell, "trained_on": trained, "stage": "fine-tuned"}
        row |= {"repeat": 0, "source_accuracy": 0.5, "target_accuracy": 0.5, "loss": 0.5}
        runs.append({**row, "epochs_to_convergence": 1})
        for dataset in datasets:
            table = faces_of(dataset, persons)[["face_id"]]
            inside = np.arange(len(table)) // 3 % 2 == 0
            right = rng.random(len(table)) < accuracy[trained, dataset] - worse
            probability = np.where(right == inside, 0.8, 0.2)
            said.append(table.assign(run=run, dataset=dataset, inside=inside))
            said[-1]["probability"] = probability
    tables.write(pd.DataFrame(runs), folder / "runs.parquet", tables.RUNS)
    tables.write(pd.concat(said), folder / "predictions.parquet", tables.PREDICTIONS)
    (folder / "kept.json").write_text(json.dumps(CELL))
    measures.measure_models(
        folder / "runs.parquet",
        folder / "predictions.parquet",
        folder / "kept.json",
        {dataset: folder / f"{dataset}.parquet" for dataset in datasets},
        **{name: folder / f"{name}.csv" for name in OUTPUTS},
        age_bands=[30, 50],
        confidence=0.95,
        seed=1,
    )
    return {
        name: tables.read(folder / f"{name}.csv", getattr(tables, name.upper())) for name in OUTPUTS
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict:
    names = ("source", "target", "third")
    accuracy = {(a, b): 0.95 if a == b else 0.7 for a in names for b in names}
    return study(tmp_path_factory.mktemp("measures"), accuracy)


def test_every_data_set_is_a_row_and_a_column_of_the_matrix(found: dict) -> None:
    matrix = found["transfer"].set_index(["trained_on", "tested_on"])
    assert len(matrix) == 9
    assert matrix.loc[("third", "third"), "value"] == pytest.approx(0.95, abs=0.07)
    assert (matrix["low"] <= matrix["value"]).all()
    fall = matrix.loc[("third", "source")]
    assert fall["fall"] == pytest.approx(matrix.loc[("third", "third"), "value"] - fall["value"])
    assert 0 < fall["fall_low"] < fall["fall"] < fall["fall_high"]


def test_the_fall_that_was_planted_shows_in_every_measure(found: dict) -> None:
    table = found["measures"]
    own = table[(table["view"] == "augmented") & (table["trained_on"] == "source")]
    values = own.set_index(["dataset", "measure"])
    for name in ("accuracy", "balanced accuracy", "AUROC"):
        assert values.loc[("source", name), "low"] > values.loc[("target", name), "high"]
    assert (
        values.loc[("source", "Brier score"), "high"] < values.loc[("target", "Brier score"), "low"]
    )


def test_groups_and_their_crossings_add_up(found: dict) -> None:
    groups = found["groups"]
    target = groups[groups["dataset"] == "target"]
    every = target[target["factors"] == "all"].iloc[0]
    assert every["faces"] == 120
    for factors in ("side", "gender", "age"):
        parts = target[target["factors"] == factors]
        mean = np.average(parts["value"], weights=parts["faces"])
        assert parts["faces"].sum() == 120
        assert mean == pytest.approx(every["value"])
    ages = target.loc[target["factors"] == "age", "group"]
    assert sorted(ages) == ["0 to 29", "30 to 49", "50 and over"]
    assert (groups["persons"] >= measures.LEAST).all()
    assert "side × gender × age" not in set(groups["factors"]), "too few persons in each"


def test_what_parts_the_faces_as_the_boundary_does_stands_once(tmp_path: Path) -> None:
    table = faces_of("target", 40)
    inside = table["gender"] == "female"
    tables.write(table, tmp_path / "faces.parquet", tables.FACES)
    said = table[["face_id"]].assign(
        dataset="target", person=table["subject_id"], inside=inside, probability=0.7
    )
    groups = measures.by_group(said, {"target": tmp_path / "faces.parquet"}, [30, 50], 0.95)
    assert set(groups["factors"]) == {"all", "side", "age", "side × age"}


def test_a_group_without_an_error_still_has_an_interval(tmp_path: Path) -> None:
    perfect = dict.fromkeys([(a, b) for a in ("source", "target") for b in ("source", "target")], 2)
    groups = study(tmp_path, perfect)["groups"]
    assert (groups["value"] == 1).all()
    assert (groups["low"] < 1).all()


def test_two_models_are_compared_on_the_same_faces(found: dict) -> None:
    pair = found["comparisons"]
    assert len(pair) == 1
    row = pair.iloc[0]
    assert row["one"] == "vgg16, augmented, adam/sgd"
    assert row["difference"] == pytest.approx((row["one_alone"] - row["other_alone"]) / 120)
    assert row["low"] > 0
    assert row["p"] < 0.001
    assert row["holm"] == row["p"]


def test_holms_correction_is_over_the_table() -> None:
    rng = np.random.default_rng(0)
    parts = []
    for k, accuracy in enumerate((0.9, 0.85, 0.6)):
        part = pd.DataFrame({"face_id": np.arange(200).astype(str), "inside": True})
        part["probability"] = rng.random(200) * 0.5 + 0.5 * (rng.random(200) < accuracy)
        parts.append(part.assign(**CELL, trained_on="source", dataset="target"))
        parts[-1]["backbone"] = f"b{k}"
        parts[-1]["person"] = parts[-1]["face_id"]
    table = measures.compared(pd.concat(parts), 0.95, 1)
    assert len(table) == 3
    order = table["p"].to_numpy().argsort()
    smallest = table.iloc[order[0]]
    assert smallest["holm"] == pytest.approx(min(1, 3 * smallest["p"]))
    assert (table["holm"] >= table["p"]).all()


def test_calibration_is_the_share_inside_by_what_was_said() -> None:
    rng = np.random.default_rng(0)
    said = pd.DataFrame({"probability": rng.random(4000), "dataset": "target"})
    said["inside"] = rng.random(4000) < said["probability"]
    said["person"] = np.arange(4000).astype(str)
    curve = measures.calibrated(said, 0.95)
    assert len(curve) == measures.BINS
    inside = (curve["low"] <= curve["probability"]) & (curve["probability"] <= curve["high"])
    assert inside.sum() >= 8
    constant = measures.calibrated(said.assign(probability=0.5), 0.95)
    assert len(constant) <= 1


def test_persons_are_drawn_whole() -> None:
    person = pd.Series(["a", "a", "b", "c", "c", "c"])
    drawn = measures.drawn_persons(person, np.random.default_rng(0))
    assert drawn.shape == (measures.DRAWS, 6)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 3] == drawn[:, 5]).all()
    assert (drawn[:, [0, 2, 3]].sum(1) == 3).all()
