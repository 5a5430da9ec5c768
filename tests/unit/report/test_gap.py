"""The gap: found where there is one, not where there is none, and never by counting copies."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap import tables
from facegap.intervals import Interval
from facegap.report.gap import measure_gap, verdict


@pytest.mark.parametrize(
    ("low", "high", "planted", "words"),
    [
        (0.1, 0.3, 1.0, "The planted gap was found. The target's accuracy lies below"),
        (-0.1, 0.3, 1.0, "The planted gap was missed. No gap was found: the interval"),
        (-0.3, -0.1, 1.0, "The planted gap was missed. The target's accuracy lies above"),
        (-0.1, 0.1, 0.0, "No gap was planted, and none was found"),
        (0.1, 0.3, 0.0, "A gap was reported where none was planted. The target's"),
        (-0.3, -0.1, 0.0, "A gap was reported where none was planted. The target's"),
        (0.1, 0.3, None, "The target's accuracy lies below the source's."),
        (-0.1, 0.1, None, "No gap was found"),
        (-0.3, -0.1, None, "The target's accuracy lies above the source's."),
    ],
)
def test_the_verdict_says_what_the_interval_allows(
    low: float, high: float, planted: float | None, words: str
) -> None:
    assert verdict(Interval((low + high) / 2, low, high), planted).startswith(words)


def measured(folder: Path, accuracy: dict[str, float], seed: int, repeats: int = 3) -> dict:
    rng = np.random.default_rng(seed)
    runs, predictions = [], []
    right = {}
    for dataset in ("source", "target"):
        names = [f"{dataset}{k}" for k in range(150)]
        table = pd.DataFrame({"face_id": names, "path": names, "split": "test", "age": np.nan})
        table = table.assign(subject_id=[f"p{k // 3}" for k in range(150)], gender=None)
        tables.write(table.assign(race_raw=None), folder / f"{dataset}.parquet", tables.FACES)
        right[dataset] = rng.random(150) < accuracy[dataset]
    for repeat in range(repeats):
        run = f"run{repeat}"
        runs.append(
            {
                "run": run,
                "backbone": "vgg16",
                "view": "plain",
                "stage": "fine-tuned",
                "trained_on": "source",
                "tune_optimiser": "adam",
                "fine_tune_optimiser": "adam",
                "repeat": repeat,
                "source_accuracy": 0.9,
                "target_accuracy": 0.9,
                "loss": 0.1,
                "epochs_to_convergence": 1,
            }
        )
        for dataset, answers in right.items():
            inside = np.arange(150) % 3 > 0  # two thirds
            probability = np.where(answers == inside, 0.9, 0.1)
            part = pd.DataFrame({"inside": inside, "probability": probability})
            part["face_id"] = [f"{dataset}{k}" for k in range(150)]
            predictions.append(part.assign(run=run, dataset=dataset))
    tables.write(pd.DataFrame(runs), folder / "runs.parquet", tables.RUNS)
    tables.write(pd.concat(predictions), folder / "predictions.parquet", tables.PREDICTIONS)
    measure_gap(
        folder / "runs.parquet",
        folder / "predictions.parquet",
        folder / "source.parquet",
        folder / "target.parquet",
        folder / "gap.json",
        planted=1.0,
        confidence=0.95,
        seed=1,
    )
    return json.loads((folder / "gap.json").read_text())


def test_a_fall_is_found_and_measured(tmp_path: Path) -> None:
    gap = measured(tmp_path, {"source": 0.95, "target": 0.7}, seed=0)
    assert gap["all"]["gap"]["low"] > 0
    assert gap["all"]["gap"]["estimate"] == pytest.approx(0.25, abs=0.1)
    assert gap["verdict"].startswith("The planted gap was found")
    assert gap["all"]["target_majority"] == pytest.approx(2 / 3)
    assert [cell["backbone"] for cell in gap["cells"]] == ["vgg16"]


def test_no_fall_is_seldom_called_one(tmp_path: Path) -> None:
    called = 0
    for seed in range(40):
        gap = measured(tmp_path, {"source": 0.9, "target": 0.9}, seed, repeats=1)
        called += gap["all"]["gap"]["low"] > 0
    assert called <= 4  # 2.5% each: more than 4 of 40 by chance once in 300


def test_repeats_of_one_model_do_not_narrow_the_interval(tmp_path: Path) -> None:
    one = measured(tmp_path, {"source": 0.9, "target": 0.8}, 3, repeats=1)["all"]["gap"]
    ten = measured(tmp_path, {"source": 0.9, "target": 0.8}, 3, repeats=10)["all"]["gap"]
    assert ten == pytest.approx(one)
