"""Readings are sampled by seed, trained as each says, and lost one by one where they diverge."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facegap.classify import multiverse as module
from facegap.classify.multiverse import sampled, train_multiverse
from facegap.classify.plans import MultiversePlan
from facegap.settings.classify import Training
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES, READINGS

PLAN = MultiversePlan(
    [("one", "augmented", True)], ["source", "target"], ["source", "target"], 64, 2
)
SETTINGS = Training.model_validate(
    {"head": {"hidden": [8]}, "head_training": {"epochs": 12, "batch": 16, "rates": {"adam": 0.02}}}
)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Of two data sets, in which the first number tells the sides."""
    rng = np.random.default_rng(0)
    for name, faces in (("source", 96), ("target", 80)):
        folder = tmp_path / "one/augmented" / name
        folder.mkdir(parents=True)
        inside = np.arange(faces) % 2 == 0
        ids = [f"{name}{k}" for k in range(faces)]
        table = pd.DataFrame({"face_id": ids, "person": ids, "split": "train", "copy": 0})
        table.loc[table.index >= faces // 2, "split"] = "test"
        table = table.assign(inside=inside, agreed=np.arange(faces) % 10 != 9, row=range(faces))
        write_table(table[list(ENTRIES.columns)], folder / "entries.parquet", ENTRIES)
        pooled = rng.normal(0, 1, (faces, 6)).astype(np.float32)
        pooled[:, 0] += 3 * inside
        np.save(folder / "pooled.npy", pooled)
        np.save(folder / "boundary.npy", pooled.astype(np.float16))
    return tmp_path / "one"


def train(features: Path, plan: MultiversePlan, seed: int = 1) -> pd.DataFrame:
    path = features.parent / "readings.parquet"
    train_multiverse(
        features=[features], readings=path, plan=plan, settings=SETTINGS, threads=1, seed=seed
    )
    return read_table(path, READINGS)


def test_all_readings_or_a_sample_by_seed() -> None:
    every = sampled(PLAN, 1)
    assert len(every) == len(set(every)) == 48
    some = sampled(replace(PLAN, most=10), 1)
    assert len(some) == 10
    assert set(some) < set(every)
    assert some == sampled(replace(PLAN, most=10), 1)
    assert some != sampled(replace(PLAN, most=10), 2)


def test_features_of_an_untrained_network_are_always_standardised() -> None:
    untrained = replace(PLAN, cached=[("one", "augmented", False)])
    assert {reading.standardise for reading in sampled(untrained, 1)} == {True}
    assert {reading.standardise for reading in sampled(PLAN, 1)} == {True, False}


def test_every_reading_answers_on_every_test_face(features: Path) -> None:
    table = train(features, replace(PLAN, most=6))
    names = list(READINGS.columns)[:7]
    groups = table.groupby([*names, "trained_on", "repeat", "dataset"])
    assert len(groups) == 6 * 2 * 2 * 2
    for key, own in groups:
        assert len(own) == (48 if key[-1] == "source" else 40)
        assert own["face_id"].is_unique


def test_heads_of_a_reading_learn(features: Path) -> None:
    table = train(features, PLAN)
    learnt = table[table["standardise"] & (table["optimiser"] == "adam")]
    right = (learnt["probability"] >= 0.5) == learnt["inside"]
    assert right[learnt["activations"] == "relu"].mean() > 0.8


def test_a_reading_that_diverges_has_no_answers_and_the_others_have(
    features: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = train(features, PLAN)
    true: Callable[..., Any] = module.Schedule.of

    def wild(part: Any, optimiser: str, settings: Training) -> Any:
        schedule = true(part, optimiser, settings)
        return replace(schedule, rate=1e30) if optimiser == "sgd" else schedule

    monkeypatch.setattr(module.Schedule, "of", wild)
    left = train(features, PLAN)
    assert set(left["optimiser"]) == {"adam", "rmsprop"}
    assert "no answers" in caplog.text
    same = whole[whole["optimiser"] != "sgd"].reset_index(drop=True)
    keys = [*list(READINGS.columns)[:7], "trained_on", "repeat", "dataset", "face_id"]
    one, other = (t.set_index(list(keys)).sort_index()["probability"] for t in (same, left))
    assert one.index.equals(other.index)
    assert np.abs(one - other).max() < 1e-5


def test_equal_terms_are_as_many_faces_of_either(
    features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[tuple[str, str], int] = {}
    true: Callable[..., Any] = module.train_heads

    def counted(head: Any, cached: Any, chances: Any, schedules: Any, names: Any) -> Any:
        terms = "equal" if "terms='equal'" in names[0] else "whole"
        seen[terms, names[0].rsplit(", ", 1)[1]] = len(cached.rows("train"))
        return true(head, cached, chances, schedules, names)

    monkeypatch.setattr(module, "train_heads", counted)
    train(features, PLAN)
    assert seen["whole", "source"] == 48
    assert seen["whole", "target"] == seen["equal", "source"] == seen["equal", "target"] == 40
