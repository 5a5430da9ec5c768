"""The grid as a whole: what is selected under either protocol, the curves, and the card."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facegap.classify.card import Subject, write_model_card
from facegap.classify.gather import gather_runs
from facegap.classify.plans import Choice
from facegap.classify.selection import (
    Candidate,
    Faces,
    _criterion,
    select_benchmark,
    select_configuration,
)
from facegap.configurations import Configuration
from facegap.errors import DataError
from facegap.settings.classify import Training
from facegap.settings.measure import Intervals
from facegap.settings.study import Sides
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import CURVES, PREDICTIONS, RUNS

ADAM = ("adam", "adam")


PARTS = {"source": "validation", "target": "selection"}
FACES_A_PART = 40  # two of a person; every other person is inside


def training(
    folder: Path,
    name: str,
    accuracies: Mapping[tuple[str, ...], float],
    on_test: Mapping[tuple[str, ...], float] | None = None,
) -> Path:
    """A training's folder with two repeats of each pair, right on that share of either side."""
    backbone, preprocessing = name.split("-")
    rows, curves, predictions = [], [], []
    for pair, accuracy in accuracies.items():
        configuration = Configuration(backbone, preprocessing, *pair)
        for stage, better in (("head", -0.1), ("fine-tuned", 0.0)):
            model = configuration.head_name if stage == "head" else configuration.name
            for repeat in (0, 1):
                run = f"{name}-{'-'.join(pair)}-source-{stage}-{repeat}"
                row: dict[str, Any] = {"run": run, "model": model, **asdict(configuration)}
                row |= {"stage": stage, "trained_on": "source", "arm": "full"}
                row |= {"repeat": repeat, "source_accuracy": 0.9}
                row |= {"target_accuracy": accuracy + better + 0.01 * repeat, "loss": 0.3}
                rows.append({**row, "training_loss": 0.2, "epochs_to_convergence": 3})
                curves.append(pd.DataFrame({"run": run, "epoch": [1, 2], "loss": [0.7, 0.4]}))
                own = {"model": model, "repeat": repeat, "trained_on": "source", "arm": "full"}
                for dataset, part in [*PARTS.items(), ("target", "test")]:
                    share = (on_test or accuracies)[pair] if part == "test" else accuracy
                    table = answered(dataset, part, share).assign(**own, task="boundary")
                    predictions.append(table)
    write_table(pd.DataFrame(rows), folder / name / "runs.parquet", RUNS)
    write_table(pd.concat(curves), folder / name / "curves.parquet", CURVES)
    parts = pd.concat(predictions)[list(PREDICTIONS.columns)]
    write_table(parts, folder / name / "predictions.parquet", PREDICTIONS)
    return folder / name


def answered(dataset: str, part: str, share: float) -> pd.DataFrame:
    """Answers on one part, of which a `share` is right, on either side."""
    number = np.arange(FACES_A_PART)
    inside = number // 2 % 2 == 0
    right = number // 4 < share * FACES_A_PART / 4
    table = pd.DataFrame({"face_id": [f"{dataset}-{part}-{k}" for k in number], "agreed": True})
    label = np.where(inside, "inside", "outside")
    probability = np.where(inside == right, 0.8, 0.2)
    return table.assign(dataset=dataset, part=part, label=label, probability=probability)


def faces_of(folder: Path) -> list[Path]:
    """FACES of both data sets."""
    paths = []
    for dataset in ("source", "target"):
        parts = ["validation"] if dataset == "source" else ["selection", "test"]
        number = np.tile(np.arange(FACES_A_PART), len(parts))
        which = np.repeat(parts, FACES_A_PART)
        ids = [f"{dataset}-{part}-{k}" for part, k in zip(which, number, strict=True)]
        table = pd.DataFrame({"face_id": ids, "path": ids})
        table["subject_id"] = [f"{part}{k // 2}" for part, k in zip(which, number, strict=True)]
        table["split"] = np.where(which == "test", "test", "train")
        table = table.assign(age=30.0, gender=None, race_raw=None)
        write_table(table, folder / f"{dataset}.parquet", FACES)
        paths.append(folder / f"{dataset}.parquet")
    return paths


def selected(
    folder: Path,
    trainings: list[Path],
    protocol: str,
    backbone: str = "best",
    criterion: str = "target training half",
) -> dict:
    select_configuration(
        trainings=trainings,
        faces=faces_of(folder),
        selected=folder / "selected.json",
        choice=Choice(criterion, protocol, backbone, ADAM),
        seed=1,
    )
    return json.loads((folder / "selected.json").read_text())


@pytest.fixture
def trainings(tmp_path: Path) -> list[Path]:
    """Coordinate descent settles on vgg16 with adam/adam, and misses vgg19 with adam/sgd."""
    return [
        training(tmp_path, "vgg16-augmented", {("adam", "adam"): 0.8, ("adam", "sgd"): 0.7}),
        training(tmp_path, "vgg19-augmented", {("adam", "adam"): 0.7, ("adam", "sgd"): 0.9}),
        training(tmp_path, "vgg19-plain", {("adam", "adam"): 0.6, ("adam", "sgd"): 0.8}),
    ]


def test_coordinate_descent_selects_the_best_of_the_best_backbone(
    tmp_path: Path, trainings: list[Path]
) -> None:
    found = selected(tmp_path, trainings, "coordinate")
    assert (found["folder"], found["fine_tuning_optimiser"]) == ("vgg16-augmented", "adam")
    assert found["agree"]
    own = found["criteria"]["target training half"]
    assert own["selected"] == found["name"] == "vgg16, augmented, adam/adam"
    assert own["score"] == pytest.approx(0.8)
    named = selected(tmp_path, trainings, "coordinate", "vgg19")
    assert (named["folder"], named["fine_tuning_optimiser"]) == ("vgg19-augmented", "sgd")


def test_a_factorial_grid_selects_the_best_and_says_what_descent_would_have(
    tmp_path: Path, trainings: list[Path]
) -> None:
    found = selected(tmp_path, trainings, "factorial")
    assert (found["folder"], found["preprocessing"]) == ("vgg19-augmented", "augmented")
    assert found["criteria"]["target training half"]["score"] == pytest.approx(0.9)
    assert found["descent"]["folder"] == "vgg16-augmented"
    assert not found["agree"]
    better = training(tmp_path, "vgg16-plain", {("adam", "adam"): 0.97})
    assert selected(tmp_path, [*trainings, better], "factorial")["preprocessing"] == "plain"


def test_the_target_s_test_part_selects_only_where_the_settings_say_so(tmp_path: Path) -> None:
    """The paper's procedure: chosen on the very faces that it is reported on."""
    accuracies = {("adam", "adam"): 0.8, ("adam", "sgd"): 0.7}
    on_test = {("adam", "adam"): 0.7, ("adam", "sgd"): 0.9}
    folders = [training(tmp_path, "vgg16-augmented", accuracies, on_test)]
    usual = selected(tmp_path, folders, "coordinate", "vgg16")
    papers = selected(tmp_path, folders, "coordinate", "vgg16", "target test part")
    assert usual["name"] == "vgg16, augmented, adam/adam"
    assert papers["name"] == "vgg16, augmented, adam/sgd"
    assert usual["criteria"] == papers["criteria"], "all three stand beside either"
    names = {name: each["selected"] for name, each in usual["criteria"].items()}
    assert names == {
        "source validation": usual["name"],
        "target training half": usual["name"],
        "target test part": papers["name"],
    }


def test_the_optimism_is_what_choosing_among_equals_gains() -> None:
    """The truth by simulation: the best score of six equal candidates less their common one."""
    choice = Choice("target test part", "factorial", "best", ADAM)
    candidates = [
        Candidate("f", Configuration("vgg16", "augmented", str(k), "adam")) for k in range(6)
    ]
    rng, true, estimated = np.random.default_rng(0), [], []
    for _ in range(40):
        person = np.arange(200)
        inside = person % 2 == 0
        right = rng.random((6, 200)) < 0.8
        ids = person.astype(str)
        answers = pd.concat(
            pd.DataFrame(
                {
                    "face_id": ids,
                    "candidate": k,
                    "label": np.where(inside, "inside", "outside"),
                    "probability": np.where(right[k] == inside, 0.8, 0.2),
                }
            )
            for k in range(6)
        )
        persons = pd.Series(ids, index=ids)
        found = _criterion(candidates, answers, persons, choice, rng)
        true.append(found["score"] - 0.8)
        estimated.append(found["optimism"])
    assert np.mean(true) > 0.02
    assert np.mean(estimated) == pytest.approx(np.mean(true), rel=0.35)


def test_a_side_without_a_face_selects_nothing(tmp_path: Path, trainings: list[Path]) -> None:
    for folder in trainings:
        table = read_table(folder / "predictions.parquet", PREDICTIONS)
        gone = (table["part"] == "selection") & (table["label"] == "outside")
        write_table(table[~gone], folder / "predictions.parquet", PREDICTIONS)
    with pytest.raises(DataError, match="target training half has 20 faces inside and 0 outside"):
        selected(tmp_path, trainings, "coordinate")
    other = selected(tmp_path, trainings, "coordinate", criterion="source validation")
    assert other["criteria"]["target training half"]["selected"] is None


def test_a_benchmark_takes_the_optimisers_that_are_best_over_all_folds(tmp_path: Path) -> None:
    first = {("adam", "adam"): 0.9, ("adam", "sgd"): 0.8}
    second = {("adam", "adam"): 0.5, ("adam", "sgd"): 0.8}
    one, other = (
        training(tmp_path / str(k), "vgg16-augmented", each)
        for k, each in enumerate((first, second))
    )
    both = [read_table(fold / "predictions.parquet", PREDICTIONS) for fold in (one, other)]
    both[1]["arm"] = "fold-2"
    write_table(pd.concat(both), one / "predictions.parquet", PREDICTIONS)
    select_benchmark(folds=one, benchmark=tmp_path / "benchmark.json")
    found = json.loads((tmp_path / "benchmark.json").read_text())
    assert found["name"] == "vgg16, augmented, adam/sgd"
    assert found["score"] == pytest.approx(0.8)


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
    answers = read_table(tmp_path / "predictions.parquet", PREDICTIONS)
    assert len(answers) == len(runs) * 3 * FACES_A_PART


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


def test_the_few_of_one_side_count_as_much_as_the_many_of_the_other() -> None:
    """Nine of ten faces are inside: who is right on these alone is right on half."""
    inside = np.arange(10) < 9
    right = np.stack([inside, np.arange(10) > 2]).astype(float)
    (scores,) = Faces(inside, np.arange(10).astype(str)).scores(right)
    assert scores.tolist() == pytest.approx([0.5, (6 / 9 + 1) / 2])
