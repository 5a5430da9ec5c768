"""The truth beside the heads: of the same persons in either style, and of all for the loss."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap.configurations import Configuration
from facegap.measure.known_truth import measure_known_truth
from facegap.settings.measure import Intervals
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import PREDICTIONS
from facegap.tables.measure import ESTIMATES

SELECTED = Configuration("vgg16", "augmented", "adam", "sgd")
BENCHMARK = replace(SELECTED, head_optimiser="rmsprop")
PERSONS = {"source": 20, "target": 60}


def answered(
    folder: Path, name: str, right: dict[tuple[str, str], np.ndarray], prefix: str
) -> tuple[Path, list[Path]]:
    """PREDICTIONS of three trainings, and the FACES of both styles, a person a face."""
    tables, places = [], []
    for dataset in PERSONS:
        ids = [f"{prefix}{k}" for k in range(len(right["source", dataset]))]
        table = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ids, "split": "test"})
        places.append(folder / f"{name}-{dataset}.parquet")
        table = table.assign(age=np.nan, gender=None, race_raw=None)
        write_table(table, places[-1], FACES)
    for (trained_on, dataset), correct in right.items():
        inside = np.arange(len(correct)) % 2 == 0
        head = SELECTED if trained_on == "source" else BENCHMARK
        for model in (head.head_name, head.name):
            for repeat in range(3):
                table = pd.DataFrame({"face_id": [f"{prefix}{k}" for k in range(len(correct))]})
                table["label"] = np.where(inside, "inside", "outside")
                table["probability"] = np.where(inside == correct, 0.8, 0.2)
                about = {"model": model, "trained_on": trained_on, "dataset": dataset}
                about |= {"arm": "full", "part": "test", "task": "boundary"}
                tables.append(table.assign(**about, repeat=repeat, agreed=True))
    tables.append(tables[0])  # the head that another fine-tuning starts from as well
    path = folder / f"{name}.parquet"
    write_table(pd.concat(tables)[list(PREDICTIONS.columns)], path, PREDICTIONS)
    return path, places


def test_the_truth_is_of_fresh_heads_on_fresh_persons(tmp_path: Path, intervals: Intervals) -> None:
    number = {name: np.arange(count) for name, count in PERSONS.items()}
    few, many = number["source"], number["target"]
    fresh, fresh_faces = answered(
        tmp_path,
        "fresh",
        {
            ("source", "source"): few < 18,  # 9 of 10
            # 6 of 10 of the same persons, and none of the others
            ("source", "target"): many < 12,
            ("target", "source"): few < 20,
            ("target", "target"): many < 54,
        },
        "fresh",
    )
    ones = {key: np.ones(20, bool) for key in [(a, b) for a in PERSONS for b in PERSONS]}
    ones["source", "target"] = np.arange(20) < 10
    own, faces = answered(tmp_path, "own", ones, "own")
    for name, configuration in (("selected", SELECTED), ("benchmark", BENCHMARK)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": configuration.name}))
    measure_known_truth(
        predictions=own,
        fresh_predictions=fresh,
        selected=tmp_path / "selected.json",
        benchmark=tmp_path / "benchmark.json",
        faces=faces,
        fresh_faces=fresh_faces,
        estimates=tmp_path / "estimates.parquet",
        datasets=list(PERSONS),
        intervals=intervals,
        study="study",
    )
    table = read_table(tmp_path / "estimates.parquet", ESTIMATES)
    assert set(table["model"]) == {SELECTED.head_name}
    own_rows = table[table["metric"] == "accuracy"].set_index("quantity")
    assert own_rows["truth"]["transfer gap"] == pytest.approx(0.9 - 0.6)
    assert own_rows["truth"]["transfer loss"] == pytest.approx(54 / 60 - 12 / 60)
    assert own_rows["estimate"]["transfer gap"] == pytest.approx(0.5)
    assert own_rows["estimate"]["transfer loss"] == pytest.approx(0.5)
    assert own_rows["faces"]["transfer loss"] == 20
    assert table.groupby("metric").size().eq(2).all()
