"""Fine-tuned tails of a task: each on its own faces, from its own head, and taken up where cut."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.classify import backbones, task_tails, training
from facegap.classify.plans import Candidate, Candidates, Preprocessed, TaskPlan
from facegap.classify.task_tails import fine_tune_task
from facegap.errors import TrainingError
from facegap.files import write_json
from facegap.settings.classify import Features, Training
from facegap.tables.acquire import FACES
from facegap.tables.base import SIDES, read_table, write_table
from facegap.tables.classify import ENTRIES, TASK_PREDICTIONS

BACKBONE = "lcnet_035"
EXTRACTION = Features(input_size=32, unfrozen_layers=2)
STRATA = list(product(SIDES, (True, False)))
TRAINS, TESTS = 6, 4  # faces a stratum


def settings(rate: float) -> Training:
    return Training.model_validate(
        {
            "head": {"hidden": [8]},
            "head_training": {"epochs": 2, "batch": 4, "rates": {"adam": 0.01}},
            "fine_tuning": {"epochs": 3, "batch": 4, "rates": {"sgd": rate}},
            "standardise": True,
        }
    )


def job(folder: Path, rate: float = 1e-3) -> dict[str, Any]:
    """A job of fine_tune_task on two small data sets with the label Smiling."""
    cpu = torch.device("cpu")
    net = backbones.network(BACKBONE, size=32, layers=2, weights=None, seed=1, device=cpu)
    rng = np.random.default_rng(0)
    faces = []
    for name in ("source", "target"):
        (path := folder / f"features/{BACKBONE}/plain" / name).mkdir(parents=True)
        rows = [
            (f"{name}-{split}-{side}-{has}-{k}", split, side == "inside", int(has))
            for split, count in (("train", TRAINS), ("test", TESTS))
            for (side, has) in STRATA
            for k in range(count)
        ]
        table = pd.DataFrame(rows, columns=["face_id", "split", "inside", "Smiling"])
        entries = table.assign(copy=0, person=table["face_id"], agreed=True, row=range(len(table)))
        write_table(entries[list(ENTRIES.columns)], path / "entries.parquet", ENTRIES)
        boundary = np.abs(rng.normal(size=(len(table), net.width))).astype(np.float16)
        np.save(path / "boundary.npy", boundary)
        with torch.no_grad():
            np.save(path / "pooled.npy", net.pooled(torch.from_numpy(boundary).float()).numpy())
        known = table[["face_id", "split", "Smiling"]].assign(path="", subject_id=table["face_id"])
        faces.append(folder / f"{name}.parquet")
        write_table(known.assign(age=np.nan, gender=None, race_raw=None), faces[-1], FACES)
    about = {"plain": {"crop": "none", "augmentation": None}}
    write_json({"network": net.digest, "preprocessings": about}, path.parents[1] / "about.json")
    write_json({"name": f"{BACKBONE}, plain, adam/sgd"}, folder / "selected.json")
    return {
        "selected": folder / "selected.json",
        "features": [folder / f"features/{BACKBONE}"],
        "faces": faces,
        "weights": [],
        "predictions": folder / "tails.parquet",
        "candidates": Candidates(
            {BACKBONE: Candidate(32, False)}, {"plain": Preprocessed("none", None)}
        ),
        "extraction": EXTRACTION,
        "settings": settings(rate),
        "plan": TaskPlan([0.0, 0.5, 1.0], 2, ["test"], None),
        "datasets": ["source", "target"],
        "task": "Smiling",
        "threads": 1,
        "seed": 1,
    }


def test_each_training_sees_its_own_side_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noted(net: Any, tail: Any, head: Any, features: Any, *more: Any) -> Any:
        entries = features.entries.loc[features.rows("train").ravel()]
        assert (entries["inside"] == entries["face_id"].str.contains("True")).all(), "the label"
        seen.append(entries["face_id"].tolist())
        return training.fine_tune(net, tail, head, features, *more)

    monkeypatch.setattr(task_tails, "fine_tune", noted)
    fine_tune_task(**job(tmp_path))
    assert len(seen) == 2 * 3 * 2, "sets, shares, trainings"
    assert {len(faces) for faces in seen} == {2 * TRAINS}
    for faces, (name, share, _) in zip(
        seen, product(("source", "target"), (0.0, 0.5, 1.0), range(2)), strict=True
    ):
        assert all(face.startswith(f"{name}-train") for face in faces)
        assert np.mean(["outside" in face for face in faces]) == share
    table = read_table(tmp_path / "tails.parquet", TASK_PREDICTIONS)
    assert len(table) == len(seen) * 2 * 4 * TESTS
    assert {*table["task"]} == {"Smiling, fine-tuned"}
    assert {*table["training_faces"]} == {2 * TRAINS}
    assert not list(tmp_path.glob("*.resume"))


def test_the_tail_is_trained_and_not_the_head_alone(tmp_path: Path) -> None:
    """At a rate of nearly nothing the models are the heads."""
    tables = []
    for rate in (1e-12, 1e-2):
        (folder := tmp_path / str(rate)).mkdir()
        fine_tune_task(**job(folder, rate))
        tables.append(read_table(folder / "tails.parquet", TASK_PREDICTIONS)["probability"])
    assert (tables[0] - tables[1]).abs().max() > 0.01


def test_a_training_that_was_cut_short_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    fine_tune_task(**job(tmp_path / "whole"))
    calls = []

    def dies(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return training.fine_tune(*arguments)

    arguments = job(tmp_path / "cut")
    monkeypatch.setattr(task_tails, "fine_tune", dies)
    with pytest.raises(KeyboardInterrupt):
        fine_tune_task(**arguments)
    epochs = []
    shuffled = training._shuffled

    def counted(*given: Any) -> Any:
        epochs.append(given)
        return shuffled(*given)

    monkeypatch.setattr(task_tails, "fine_tune", training.fine_tune)
    monkeypatch.setattr(training, "_shuffled", counted)
    fine_tune_task(**arguments)
    heads, tails = 12 * 2, 12 * 3
    assert len(epochs) == heads + tails - 4 * 3, "four trainings were done"
    both = [(tmp_path / name / "tails.parquet").read_bytes() for name in ("whole", "cut")]
    assert both[0] == both[1]


def test_a_batch_of_fine_tuning_that_is_too_large_is_refused(tmp_path: Path) -> None:
    arguments = job(tmp_path)
    large = arguments["settings"].fine_tuning.model_copy(update={"batch": 13})
    arguments["settings"] = arguments["settings"].model_copy(update={"fine_tuning": large})
    with pytest.raises(
        TrainingError, match=r"Smiling on source, 0% outside.*a batch of 13, but 12"
    ):
        fine_tune_task(**arguments)
