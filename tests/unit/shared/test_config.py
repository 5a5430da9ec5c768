"""Every configuration of the project is accepted, and a wrong one is named key by key."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from facegap import tables
from facegap.acquire.collection import draw_faces
from facegap.acquire.splits import Split
from facegap.config import COLUMNS, SCHEMA, complete
from facegap.errors import ConfigError

CONFIG = Path(__file__).parents[3] / "config"


def default() -> dict[str, Any]:
    return yaml.safe_load((CONFIG / "config.yaml").read_text())


@pytest.mark.parametrize("name", ["config", "paper", "gender"])
def test_the_projects_own_studies_are_accepted(name: str) -> None:
    complete(yaml.safe_load((CONFIG / f"{name}.yaml").read_text()))


def test_defaults_fill_what_is_not_given_and_nothing_else() -> None:
    given = default()
    full = complete(given)
    weights = given["synthesise"]["weights"]
    assert full["synthesise"]["weights"] == {"penalty": 10, "classification": 1, **weights}
    assert full["classify"]["tune"]["batch"] == given["classify"]["tune"]["batch"]
    assert complete(full) == full
    assert given == default(), "the given mapping is left alone"


def test_a_known_kind_brings_its_own_words_for_the_boundary() -> None:
    paper = complete(yaml.safe_load((CONFIG / "paper.yaml").read_text()))
    assert paper["datasets"]["source"]["own_label"]["inside"] == ["White"]
    assert "own_label" not in paper["datasets"]["target"], "CelebA has no race of its own"
    mine = {"column": "Male", "inside": [1], "outside": [0]}
    assert (
        complete(changed("datasets.source.own_label", mine))["datasets"]["source"]["own_label"]
        == mine
    )


def test_the_papers_numbers_are_in_the_papers_study() -> None:
    paper = complete(yaml.safe_load((CONFIG / "paper.yaml").read_text()))
    head, tune = paper["classify"]["head"], paper["classify"]["tune"]
    assert (head["hidden"], head["dropout"]) == ([64, 64, 64], 0.5)
    assert (tune["epochs"], tune["batch"], tune["rates"]["adam"]) == (30, 128, 0.001)
    assert paper["classify"]["repeats"] == 5
    split = paper["datasets"]["target"]["split"]
    assert split == {"train": 2000, "test": 500, "pictures": 1, "strata": ["gender"]}
    gan = paper["synthesise"]
    assert (gan["iterations"], gan["batch"], gan["critic_steps"]) == (200_000, 16, 5)
    assert (gan["rate"], gan["betas"], len(gan["seeds"])) == (0.0001, [0.5, 0.999], 5)
    assert paper["align"]["crops"]["centre"]["box"] == 178
    assert (paper["judge"]["participants"], paper["judge"]["pairs"]) == (3, 300)


def changed(path: str, value: Any) -> dict[str, Any]:
    config = default()
    *folders, key = path.split(".")
    part = config
    for folder in folders:
        part = part.setdefault(folder, {})
    part[key] = value
    return config


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sed", 1, "unknown key sed; allowed: study, results"),
        ("classify.tune.epoch", 3, "classify.tune: unknown key epoch; allowed: epochs"),
        ("seed", "one", "seed: 'one' is not of type 'integer'"),
        ("study", "../up", "study: '../up' does not fit"),
        ("synthesise.seeds", [], "synthesise.seeds"),
        ("classify.repeats", 1, "classify.repeats: 1 is less than the minimum of 2"),
        ("classify.backbones", {"vgg61": "random"}, "vgg61 is neither resnet50, vgg16, vgg19"),
        ("classify.backbones", {"vgg16": {"size": 64}}, "classify.backbones.vgg16"),
        ("classify.protocol", "random", "classify.protocol"),
        ("boundary", "race", "datasets.source.labels: drawn has no label of its own"),
        ("sides.outside", "A", "sides: inside and outside have the same name"),
        ("annotate.annotators", {"ada": {"error": 0.1}}, "name two or more"),
        ("datasets.source.split", {"train": 700, "test": 1}, "701 faces, but"),
        ("datasets.source.split", {"train": 0.9, "test": 0.2}, "more than all of the faces"),
        ("datasets.source.split", {"train": 0.9, "test": 2}, "both as"),
        ("datasets.source.labels", "people", "the source has to label the boundary itself"),
        (
            "datasets.source.own_label",
            {"column": "race_raw", "inside": ["White"]},
            "datasets.source.own_label: gives the values inside only",
        ),
        (
            "datasets.source.own_label",
            {"column": "age", "below": 40, "inside": [1], "outside": [0]},
            "datasets.source.own_label: give the values inside and outside, or a number",
        ),
        (
            "datasets.source.own_label",
            {"column": "group", "inside": ["A", "B"], "outside": ["B"]},
            "datasets.source.own_label: 'B' is both inside and outside",
        ),
        (
            "datasets.source.own_label",
            {"column": "group", "inside": ["B"], "outside": ["A"]},
            "datasets.source.own_label: sides calls inside 'A' and outside 'B', but a name is",
        ),
        ("annotate.annotators", {"a/b": {"error": 0}, "c": {"error": 0}}, "annotate.annotators"),
        ("judge.simulated", {"male": 0.6}, "judge.simulated: no preference for 'female'"),
        ("synthesise.size", 48, "has to be align.crops.centre.size"),
        ("synthesise.critic", {"layers": 9}, "synthesise.critic.layers: too many"),
        ("synthesise.control", "group", "pairs cannot be alike in the boundary itself"),
        ("synthesise.attributes", ["Black_Hair", "Young"], "only Black_Hair"),
        ("classify.crops", {"plain": "openface"}, "openface is not among align.crops"),
        ("classify.kept_backbone", "vgg99", "classify.kept_backbone"),
        ("study", "assets", "study: 'assets' does not fit"),
        ("results", "", "results"),
        ("data_root", "", "data_root"),
        ("boundary", "", "boundary"),
        ("datasets.target.faces", None, "datasets.target.faces: say how many faces to draw"),
        ("datasets.target.images", "there", "datasets.target.images: not read for the kind drawn"),
        ("datasets.target.table", "t.csv", "datasets.target.table: not read for the kind drawn"),
        (
            "datasets.target.split",
            {"train": 10, "test": 10, "strata": ["hair"]},
            "datasets.target.split.strata: hair is no column of drawn faces; it has age, gender",
        ),
        (
            "datasets.source.own_label",
            {"column": "Grey_Hair", "inside": [1], "outside": [0]},
            "datasets.source.own_label.column: Grey_Hair is no column of drawn faces",
        ),
        ("synthesise.attributes", ["Young", "Goatee"], "Goatee is no column of drawn faces"),
        ("synthesise.control", "Bald", "synthesise.control: Bald is no column of drawn faces"),
        (
            "annotate.annotators",
            {"ada": {"answers": "a.csv"}, "ben": {"answers": "a.csv"}},
            "annotate.annotators.ben.answers: the same answers as ada's",
        ),
        ("judge.familiarity_responses", "f.csv", "judge.familiarity_responses: whose?"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        complete(changed(path, value))
    assert message in str(error.value)


def test_a_backbone_may_be_timms_with_a_size_and_a_file_of_its_own() -> None:
    mine = {"weights": "mine.safetensors", "input_size": 64}
    config = changed("classify.backbones", {"vggface": "random", "resnet10t.c3_in1k": mine})
    assert complete(config)["classify"]["backbones"] == {
        "vggface": {"weights": "random"},
        "resnet10t.c3_in1k": mine,
    }


def test_race_is_the_boundary_unless_another_is_named() -> None:
    config = yaml.safe_load((CONFIG / "paper.yaml").read_text())
    del config["boundary"]
    assert complete(config)["boundary"] == "race"


def test_a_key_that_is_no_word_is_named() -> None:
    with pytest.raises(ConfigError, match=r"datasets\.source: unknown key True, 3; allowed"):
        complete(changed("datasets.source", {**default()["datasets"]["source"], True: 1, 3: 1}))


@pytest.mark.parametrize("kind", ["utkface", "lfw"])
def test_a_target_without_attributes_cannot_be_synthesised(kind: str) -> None:
    target = {"kind": kind, "split": {"train": 10, "test": 10}, "labels": "people"}
    message = rf"synthesise\.attributes: Black_Hair.* is no column of {kind} faces; it has"
    with pytest.raises(ConfigError, match=message):
        complete(changed("datasets.target", target))


def test_gender_and_male_are_one_boundary() -> None:
    config = yaml.safe_load((CONFIG / "gender.yaml").read_text())
    config["synthesise"]["control"] = "Male"
    with pytest.raises(ConfigError, match="pairs cannot be alike in the boundary itself"):
        complete(config)


def test_the_drawn_faces_have_the_columns_that_are_promised(tmp_path: Path) -> None:
    split: Split = {"train": 4, "test": 2}
    paths = (tmp_path / "faces.parquet", tmp_path / "images.zip", tmp_path / "rejected.csv")
    given = {"gap": 1.0, "pictures_per_person": 2, "inside_share": 0.5, "seed": 1}
    draw_faces(*paths, dataset="source", faces=6, split=split, **given)  # type: ignore[arg-type]
    assert {*COLUMNS["drawn"]} <= {*tables.read(paths[0], tables.FACES).columns}


def test_the_names_of_the_sides_say_which_words_are_inside() -> None:
    config = changed("boundary", "gender") | {"sides": {"inside": "Female", "outside": "male"}}
    config["synthesise"]["control"] = "Young"
    config["judge"]["simulated"] = {"Young": 0.6, "not Young": 0.6}
    assert complete(config)["datasets"]["source"]["own_label"] == {
        "column": "gender",
        "inside": ["female"],
        "outside": ["male"],
    }


def test_further_data_sets_label_themselves() -> None:
    third = {"kind": "drawn", "faces": 60, "split": {"train": 40, "test": 20}, "labels": "own"}
    full = complete(changed("datasets.third", third))
    assert full["datasets"]["third"]["own_label"]["inside"] == ["A"]
    with pytest.raises(ConfigError, match=r"datasets\.third\.labels: the third has to label"):
        complete(changed("datasets.third", third | {"labels": "people"}))


def test_simulated_annotators_are_for_drawn_faces_only() -> None:
    config = changed("datasets.target.kind", "celeba")
    with pytest.raises(ConfigError, match=r"annotate\.annotators\.ada\.error"):
        complete(config)


def undescribed(part: dict[str, Any], definitions: dict[str, Any], place: str) -> list[str]:
    """Keys below `part` that neither they, their kind, nor a folder above describes."""
    found = []
    for key, property_ in part.get("properties", {}).items():
        known = {**definitions.get(str(property_.get("$ref"))[8:], {}), **property_}
        if "description" not in known:
            inner = undescribed(known, definitions, f"{place}{key}.")
            found += inner if "properties" in known else [place + key]
    return found


def test_every_key_of_the_schema_is_described() -> None:
    schema = yaml.safe_load(SCHEMA.read_text())
    assert undescribed(schema, schema["$defs"], "") == []


def test_words_and_simulated_people_that_cannot_be_are_named() -> None:
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    config["annotate"]["annotators"]["cyd"] = {"answers": "cyd.csv"}
    with pytest.raises(ConfigError, match=r"annotate\.annotators: ada is simulated; people and"):
        complete(config)
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    words = {"inside": ["a", 1], "outside": ["1"]}
    config["partition"]["verification"] = {"cyd": {"answers": "cyd.csv", "words": words}}
    message = r"partition\.verification\.cyd\.words: '1' is both inside and outside"
    with pytest.raises(ConfigError, match=message):
        complete(config)
