"""When a study is the paper's, and stands beside what it printed."""

from typing import Any

import pytest
import yaml
from house import ROOT

from facegap.published import DATASETS, NETWORKS, compared, differs
from facegap.settings.judge import Simulation
from facegap.settings.study import Study

TABLES = [f"table{number}" for number in range(1, 6)]
PEOPLE = {"responses": "human/answers.sqlite"}


def study(name: str, **sections: Any) -> Study:
    """The study of a file of config/, with these sections in place of its own."""
    given = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
    return Study.model_validate(given | sections)


def networks(**weights: Any) -> dict[str, Any]:
    return {"grid": {"backbones": weights, "selected_backbone": next(iter(weights))}}


def test_the_papers_study_stands_beside_it_as_soon_as_people_answered() -> None:
    assert compared(study("paper")) == TABLES[:4]
    assert differs(study("paper"))["table5"] == ["its answers are simulated"]
    assert compared(study("paper", judge=PEOPLE)) == TABLES
    assert not differs(study("paper"))["counts"]


@pytest.mark.parametrize("name", ["config", "gender"])
def test_other_studies_stand_alone_and_say_why(name: str) -> None:
    assert compared(study(name)) == []
    boundary = {"config": "group", "gender": "gender"}[name]
    assert differs(study(name))["table1"][0] == f"its boundary is {boundary}, not race"
    assert "its networks start from random weights" in differs(study(name))["table4"]
    assert differs(study(name))["counts"]


def test_drawn_faces_and_other_pairs_are_named() -> None:
    assert differs(study("config"))["table5"][1:] == [
        "its source is drawn",
        "its target is drawn",
        "its answers are simulated",
    ]
    assert differs(study("gender", judge=PEOPLE))["table5"] == [
        "its boundary is gender, not race",
        "its pairs are alike in Young, not in gender",
    ]


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (dict.fromkeys(NETWORKS, "pretrained"), None),
        (dict.fromkeys(NETWORKS, "pretrained") | {"vgg16": "mine.pth"}, None),
        (dict.fromkeys(NETWORKS, "pretrained") | {"mobilenetv3_small_100": "pretrained"}, None),
        ({"vgg16": "pretrained", "vgg19": "pretrained"}, "it has no ResNet50 and no VGGFace"),
        (
            dict.fromkeys(NETWORKS, "pretrained") | {"vgg19": {"weights": "random"}},
            "its networks start from random weights",
        ),
    ],
)
def test_tables_1_to_4_are_those_of_the_papers_four_networks(
    weights: dict[str, Any], reason: str | None
) -> None:
    of = study("paper", classify=networks(**weights), judge=PEOPLE)
    assert differs(of)["table1"] == ([reason] if reason else [])
    assert "table5" in compared(of), "the networks have no part in what people compare"


def test_another_data_set_is_another_study() -> None:
    sets = yaml.safe_load((ROOT / "config/paper.yaml").read_text())["datasets"]
    other = study("paper", datasets=sets | {"source": sets["source"] | {"kind": "fairface"}})
    assert differs(other)["counts"] == [f"its source is fairface, not {DATASETS['source']}"]


@pytest.mark.parametrize("name", [None, "config", "paper"])
def test_simulated_participants_are_not_set_to_what_was_printed(name: str | None) -> None:
    """Else the analysis would seem to find it again."""
    printed = yaml.safe_load((ROOT / "config/published.yaml").read_text())
    simulation = study(name).judge.simulation if name else Simulation()
    for control, share in simulation.preference.items():
        assert abs(share - printed["table5"]["rows"][control.title()][0]) >= 0.09
    familiarity = simulation.familiarity
    for side, share in (("inside", familiarity.in_domain), ("outside", familiarity.out_domain)):
        assert abs(share - printed["counts"][f"familiar_{side}"]["value"]) >= 0.09
