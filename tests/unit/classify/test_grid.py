"""The grid: the paper's coordinate descent, each technique alone, and every combination."""

from itertools import product
from typing import Any

import pytest

from facegap.assets import manifest
from facegap.classify import grid
from facegap.configurations import Configuration, configuration
from facegap.errors import ConfigError
from facegap.settings.classify import Classify

PAPER = {"resnet50": "random", "vgg16": "random", "vgg19": "random", "vggface": "pretrained"}


def settings(**changes: Any) -> Classify:
    return Classify.model_validate({"grid": {"backbones": PAPER, **changes}})


def configurations(given: Classify) -> set[tuple[str, str, str]]:
    """Backbone, preprocessing and optimisers of everything that is trained."""
    return {
        (name, which, "/".join(pair))
        for name, plans in grid.trainings(given).items()
        for which, plan in plans.items()
        for pair in plan["optimiser_pairs"]
    }


def test_the_papers_grid_varies_one_factor_at_a_time() -> None:
    found = configurations(settings(single_techniques=False))
    every = {(name, which, "adam/adam") for name, which in product(PAPER, ("plain", "augmented"))}
    pairs = {("vggface", "augmented", pair) for pair in ("adam/sgd", "rmsprop/sgd", "sgd/rmsprop")}
    assert found == every | pairs


def test_techniques_alone_are_run_on_the_selected_backbone() -> None:
    more = configurations(settings()) - configurations(settings(single_techniques=False))
    assert {name for name, _, _ in more} == {"vggface"}
    assert {which for _, which, _ in more} == {"plain", "cropped", "transformed"}


def test_a_factorial_grid_is_everything() -> None:
    assert len(configurations(settings(protocol="factorial"))) == 4 * 4 * 4


def test_the_best_backbone_may_be_any_with_every_pair() -> None:
    given = settings(selected_backbone="best", single_techniques=False)
    assert grid.candidate_backbones(given) == list(PAPER)
    assert len(configurations(given)) == 4 + 4 * 4
    assert grid.folders(given, candidates=True) == [f"{name}-augmented" for name in PAPER]


def test_folders_are_by_preprocessing_and_candidates_by_backbone() -> None:
    given = settings(protocol="factorial")
    assert grid.folders(given)[:5] == [*(f"{name}-plain" for name in PAPER), "resnet50-cropped"]
    some = grid.folders(given, candidates=True)
    assert some[:2] == ["resnet50-plain", "resnet50-cropped"]
    assert sorted(some) == sorted(grid.folders(given))


def test_other_data_sets_training_parts_are_needed_for_the_benchmark_alone() -> None:
    parts = grid.extractions(settings(), ["source", "target"])
    source = ["train", "validation", "test"]
    assert parts["vgg16"]["parts"]["augmented"] == {"source": source, "target": ["test"]}
    every = ["train", "selection", "calibration", "test"]
    assert parts["vggface"]["parts"]["augmented"]["target"] == every
    assert parts["vggface"]["parts"]["plain"]["target"] == ["test"]


def test_preprocessings_are_the_crop_and_the_transforms_apart_and_together() -> None:
    made = grid.preprocessings(settings())
    crops = {name: each["crop"] for name, each in made.items()}
    augmented = {name for name, each in made.items() if each["augmentation"]}
    assert crops == {
        **{"plain": "none", "cropped": "ears-chin"},
        **{"transformed": "none", "augmented": "ears-chin"},
    }
    assert augmented == {"transformed", "augmented"}
    assert grid.candidate_crops(settings()) == ["ears-chin"]
    assert grid.crops(settings()) == ["none", "ears-chin"]


def test_a_backbone_has_its_own_size_and_weights() -> None:
    own = {"weights": "mine.safetensors", "input_size": 64}
    given = settings(backbones={"vggface": "pretrained", "resnet10t.c3_in1k": own})
    assert grid.trainings(given)["resnet10t.c3_in1k"]["plain"]["input_size"] == 64
    assert grid.trainings(given)["vggface"]["plain"]["input_size"] == 200
    assert grid.candidates(given)["backbones"]["vggface"] == {"input_size": 200, "pretrained": True}
    timm = settings(
        backbones={"vggface": "random", "resnet10t.c3_in1k": "pretrained"},
    )
    assert grid.timm_models(timm) == ["resnet10t.c3_in1k"]
    assert grid.weights_files(timm, "data", {}) == {
        "vggface": [],
        "resnet10t.c3_in1k": "<assets>/timm/resnet10t.c3_in1k.safetensors",
    }
    published = settings(backbones={"vgg16": "pretrained"}, selected_backbone="vgg16")
    assert grid.weights_files(published, "data", {}) == {"vgg16": "<assets>/vgg16-397923af.pth"}
    second = {"backbones": {"resnet50": "resnet50-11ad3fa6.pth"}, "selected_backbone": "best"}
    named = grid.weights_files(Classify.model_validate({"grid": second}), "data", manifest())
    assert named == {"resnet50": "<assets>/resnet50-11ad3fa6.pth"}
    with pytest.raises(ConfigError, match=r"resnet10t\.c3_in1k\.weights: data/mine\.safetensors"):
        grid.weights_files(given, "data", {})


@pytest.mark.parametrize("backbone", ["vggface", "resnet10t.c3_in1k"])
def test_a_configurations_name_is_read_again(backbone: str) -> None:
    one = Configuration(backbone, "augmented", "adam", "sgd")
    assert one.name == f"{backbone}, augmented, adam/sgd"
    assert configuration(one.name) == configuration(one.head_name) == one


@pytest.mark.parametrize(
    ("criterion", "tests"),
    [("target training half", ["validation", "test"]), ("source validation", ["test"])],
)
def test_tasks_are_tested_on_no_part_that_selects(criterion: str, tests: list[str]) -> None:
    given = {
        "grid": {"backbones": PAPER},
        "selection": {"criterion": criterion},
        "tasks": {
            "labels": ["Young", "Smiling"],
            "dose": {"tasks": ["Young"], "shares": [0.5, 0.1]},
        },
    }
    found = grid.tasks(Classify.model_validate(given))
    assert [each["shares"] for each in found.values()] == [[0, 0.1, 0.5, 1], [0, 0.5, 1]]
    assert [each["tests"] for each in found.values()] == [tests] * 2
    assert found["Smiling"]["young_below"] is None, "another age trains Smiling no other way"
