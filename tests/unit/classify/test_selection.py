"""The grid as a whole: what is selected under either protocol, the curves, and the card."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from huggingface_hub import ModelCard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facegap.classify.card import Subject, write_model_card
from facegap.classify.plans import Choice
from facegap.classify.selection import gather_runs, select_configuration
from facegap.configurations import Configuration
from facegap.errors import DataError
from facegap.settings.classify import Training
from facegap.settings.measure import Intervals
from facegap.settings.study import Sides
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import CURVES, PREDICTIONS, RUNS

ADAM = ("adam", "adam")


def training(folder: Path, name: str, accuracies: Mapping[tuple[str, ...], float]) -> Path:
    """A training's folder with two repeats of each pair."""
    backbone, preprocessing = name.split("-")
    rows, curves, predictions = [], [], []
    for (head, fine), accuracy in accuracies.items():
        configuration = Configuration(backbone, preprocessing, head, fine)
        for stage, better in (("head", -0.1), ("fine-tuned", 0.0)):
            model = configuration.head_name if stage == "head" else configuration.name
            for repeat in (0, 1):
                run = f"{name}-{head}-{fine}-source-{stage}-{repeat}"
                row: dict[str, Any] = {"run": run, "model": model, **asdict(configuration)}
                row |= {"stage": stage, "trained_on": "source"}
                row |= {"repeat": repeat, "source_accuracy": 0.9}
                row |= {"target_accuracy": accuracy + better + 0.01 * repeat, "loss": 0.3}
                rows.append({**row, "epochs_to_convergence": 3})
                curves.append(pd.DataFrame({"run": run, "epoch": [1, 2], "loss": [0.7, 0.4]}))
                own = {"model": model, "repeat": repeat, "trained_on": "source"}
                own |= {"dataset": "target", "face_id": "a", "task": "boundary"}
                predictions.append({**own, "label": "inside", "probability": 0.7})
    write_table(pd.DataFrame(rows), folder / name / "runs.parquet", RUNS)
    write_table(pd.concat(curves), folder / name / "curves.parquet", CURVES)
    write_table(pd.DataFrame(predictions), folder / name / "predictions.parquet", PREDICTIONS)
    return folder / name


def selected(folder: Path, trainings: list[Path], protocol: str, backbone: str = "best") -> dict:
    select_configuration(
        trainings=trainings,
        selected=folder / "selected.json",
        choice=Choice(protocol, backbone, ADAM),
    )
    return json.loads((folder / "selected.json").read_text())


@pytest.fixture
def trainings(tmp_path: Path) -> list[Path]:
    """Coordinate descent settles on vgg16 with adam/adam, and misses vgg19 with adam/sgd."""
    return [
        training(tmp_path, "vgg16-augmented", {("adam", "adam"): 0.8, ("adam", "sgd"): 0.75}),
        training(tmp_path, "vgg19-augmented", {("adam", "adam"): 0.7, ("adam", "sgd"): 0.9}),
        training(tmp_path, "vgg19-plain", {("adam", "adam"): 0.6, ("adam", "sgd"): 0.85}),
    ]


def test_coordinate_descent_selects_the_best_of_the_best_backbone(
    tmp_path: Path, trainings: list[Path]
) -> None:
    found = selected(tmp_path, trainings, "coordinate")
    assert (found["folder"], found["fine_tuning_optimiser"]) == ("vgg16-augmented", "adam")
    assert found["agree"]
    assert found["target_accuracy"] == pytest.approx(0.805)
    named = selected(tmp_path, trainings, "coordinate", "vgg19")
    assert (named["folder"], named["fine_tuning_optimiser"]) == ("vgg19-augmented", "sgd")


def test_a_factorial_grid_selects_the_best_and_says_what_descent_would_have(
    tmp_path: Path, trainings: list[Path]
) -> None:
    found = selected(tmp_path, trainings, "factorial")
    assert (found["folder"], found["preprocessing"]) == ("vgg19-augmented", "augmented")
    assert found["target_accuracy"] == pytest.approx(0.905)
    assert found["descent"]["folder"] == "vgg16-augmented"
    assert not found["agree"]
    better = training(tmp_path, "vgg16-plain", {("adam", "adam"): 0.95})
    assert selected(tmp_path, [*trainings, better], "factorial")["preprocessing"] == "plain"


def test_a_backbone_that_was_not_run_cannot_be_selected(
    tmp_path: Path, trainings: list[Path]
) -> None:
    with pytest.raises(DataError, match="no augmented configuration of the backbone resnet50"):
        selected(tmp_path, trainings, "coordinate", "resnet50")


def test_tensorboard_reads_the_curves(tmp_path: Path, trainings: list[Path]) -> None:
    gather_runs(
        trainings=trainings,
        runs=tmp_path / "runs.parquet",
        predictions=tmp_path / "predictions.parquet",
        tensorboard=tmp_path / "tensorboard",
    )
    runs = read_table(tmp_path / "runs.parquet", RUNS)
    assert {path.name for path in (tmp_path / "tensorboard").iterdir()} == set(runs["run"])
    events = EventAccumulator(str(tmp_path / "tensorboard" / runs["run"][0])).Reload()
    read = [(event.step, event.value) for event in events.Scalars("loss/training")]
    assert read == [(1, pytest.approx(0.7)), (2, pytest.approx(0.4))]
    assert len(read_table(tmp_path / "predictions.parquet", PREDICTIONS)) == len(runs)


def test_the_card_says_what_the_model_is_and_what_it_is_not_for(
    tmp_path: Path, trainings: list[Path]
) -> None:
    selected(tmp_path, trainings, "coordinate")
    faces = pd.DataFrame({"face_id": ["a"], "path": "a", "subject_id": "a", "split": "test"})
    faces = faces.assign(age=30.0, gender=None, race_raw=None)
    about = {"source": "CelebA", "licence": "non-commercial research only"}
    write_table(faces, tmp_path / "faces.parquet", FACES, about)
    sides = Sides(inside="Caucasian", outside="Other")
    write_model_card(
        selected=tmp_path / "selected.json",
        runs=trainings[0] / "runs.parquet",
        faces=[tmp_path / "faces.parquet"],
        card=tmp_path / "model-card.md",
        subject=Subject("small", "race", sides, {"vgg16": "random"}),
        settings=Training(),
        intervals=Intervals(),
        datasets=["target"],
    )
    card = ModelCard.load(tmp_path / "model-card.md")
    assert card.data.license_name == "not-to-be-published"
    assert "Must not be published or used on people" in card.text
    assert "CelebA; licence: non-commercial research only" in card.text
    assert "| target | 0.805 [" in card.text
    assert "Article 5(1)(g)" in card.text
