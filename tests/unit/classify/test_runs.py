"""The grid as a whole: what is kept under either protocol, the curves, and the card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from huggingface_hub import ModelCard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facegap import tables
from facegap.classify.card import write_model_card
from facegap.classify.runs import gather_runs, keep_model
from facegap.errors import DataError

ADAM, SGD = ["adam", "adam"], ["adam", "sgd"]


def cell(folder: Path, name: str, accuracies: Mapping[tuple[str, ...], float]) -> Path:
    """A cell's folder with two repeats of each pair."""
    backbone, view = name.split("-")
    rows, curves, said = [], [], []
    for (tune, fine), accuracy in accuracies.items():
        for stage, better in (("tuned", -0.1), ("fine-tuned", 0.0)):
            for repeat in (0, 1):
                run = f"{name}-{tune}-{fine}-source-{stage}-{repeat}"
                row: dict[str, Any] = {"run": run, "backbone": backbone, "view": view}
                row |= {"stage": stage, "trained_on": "source", "tune_optimiser": tune}
                row |= {"fine_tune_optimiser": fine, "repeat": repeat, "source_accuracy": 0.9}
                row |= {"target_accuracy": accuracy + better + 0.01 * repeat, "loss": 0.3}
                rows.append({**row, "epochs_to_convergence": 3})
                curves.append(pd.DataFrame({"run": run, "epoch": [1, 2], "loss": [0.7, 0.4]}))
                said.append({"run": run, "dataset": "target", "face_id": "a", "inside": True})
    tables.write(pd.DataFrame(rows), folder / name / "runs.parquet", tables.RUNS)
    tables.write(pd.concat(curves), folder / name / "curves.parquet", tables.CURVES)
    predictions = pd.DataFrame(said).assign(probability=0.7)
    tables.write(predictions, folder / name / "predictions.parquet", tables.PREDICTIONS)
    return folder / name


def kept(folder: Path, cells: list[Path], protocol: str, backbone: str = "best") -> dict:
    keep_model(
        cells=cells,
        kept=folder / "kept.json",
        protocol=protocol,
        backbone=backbone,
        first_pair=ADAM,
    )
    return json.loads((folder / "kept.json").read_text())


@pytest.fixture
def cells(tmp_path: Path) -> list[Path]:
    """Coordinate descent settles on vgg16 with adam/adam, and misses vgg19 with adam/sgd."""
    return [
        cell(tmp_path, "vgg16-augmented", {("adam", "adam"): 0.8, ("adam", "sgd"): 0.75}),
        cell(tmp_path, "vgg19-augmented", {("adam", "adam"): 0.7, ("adam", "sgd"): 0.9}),
        cell(tmp_path, "vgg19-plain", {("adam", "adam"): 0.6, ("adam", "sgd"): 0.85}),
    ]


def test_coordinate_descent_keeps_the_best_of_the_best_backbone(
    tmp_path: Path, cells: list[Path]
) -> None:
    found = kept(tmp_path, cells, "coordinate")
    assert (found["cell"], found["fine_tune_optimiser"]) == ("vgg16-augmented", "adam")
    assert found["agree"]
    assert found["target_accuracy"] == pytest.approx(0.805)
    named = kept(tmp_path, cells, "coordinate", "vgg19")
    assert (named["cell"], named["fine_tune_optimiser"]) == ("vgg19-augmented", "sgd")


def test_a_factorial_grid_keeps_the_best_and_says_what_descent_would_have(
    tmp_path: Path, cells: list[Path]
) -> None:
    found = kept(tmp_path, cells, "factorial")
    assert (found["cell"], found["view"]) == ("vgg19-augmented", "augmented")
    assert found["target_accuracy"] == pytest.approx(0.905)
    assert found["descent"]["cell"] == "vgg16-augmented"
    assert not found["agree"]
    better = cell(tmp_path, "vgg16-plain", {("adam", "adam"): 0.95})
    assert kept(tmp_path, [*cells, better], "factorial")["view"] == "plain"


def test_a_backbone_that_was_not_run_cannot_be_kept(tmp_path: Path, cells: list[Path]) -> None:
    with pytest.raises(DataError, match="no augmented cell of the backbone resnet50"):
        kept(tmp_path, cells, "coordinate", "resnet50")


def test_tensorboard_reads_the_curves_and_their_bytes_are_the_same(
    tmp_path: Path, cells: list[Path]
) -> None:
    for name in ("one", "two"):
        gather_runs(
            cells=cells,
            runs=tmp_path / f"{name}.parquet",
            predictions=tmp_path / f"{name}-predictions.parquet",
            tensorboard=tmp_path / name,
        )
    runs = tables.read(tmp_path / "one.parquet", tables.RUNS)
    assert {path.name for path in (tmp_path / "one").iterdir()} == set(runs["run"])
    folder = tmp_path / "one" / runs["run"][0]
    events = EventAccumulator(str(folder)).Reload()
    read = [(event.step, event.value) for event in events.Scalars("loss/training")]
    assert read == [(1, pytest.approx(0.7)), (2, pytest.approx(0.4))]
    again = tmp_path / "two" / folder.name
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_the_card_says_what_the_model_is_and_what_it_is_not_for(
    tmp_path: Path, cells: list[Path]
) -> None:
    kept(tmp_path, cells, "coordinate")
    faces = pd.DataFrame({"face_id": ["a"], "path": "a", "subject_id": "a", "split": "test"})
    faces = faces.assign(age=30.0, gender=None, race_raw=None)
    about = {"source": "CelebA", "licence": "non-commercial research only"}
    tables.write(faces, tmp_path / "faces.parquet", tables.FACES, about)
    part = {"epochs": 30, "batch": 128}
    write_model_card(
        kept=tmp_path / "kept.json",
        runs=cells[0] / "runs.parquet",
        faces={"target": tmp_path / "faces.parquet"},
        card=tmp_path / "model-card.md",
        study="small",
        boundary="race",
        sides={"inside": "Caucasian", "outside": "Other"},
        backbones={"vgg16": {"weights": "random"}},
        recipe={
            "head": {"hidden": [64, 64, 64], "dropout": 0.5},
            "tune": part,
            "fine_tune": {**part, "layers": 5},
        },
        confidence=0.95,
    )
    card = ModelCard.load(tmp_path / "model-card.md")
    assert card.data.license_name == "not-to-be-published"
    assert "Must not be published or used on people" in card.text
    assert "CelebA; licence: non-commercial research only" in card.text
    assert "| target | 0.805 [" in card.text
    assert "Article 5(1)(g)" in card.text
