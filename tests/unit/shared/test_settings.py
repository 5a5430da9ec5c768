"""Every configuration of the project is accepted, and a wrong one is named key by key."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from facegap.acquire.collection import draw_faces
from facegap.acquire.splits import Sampling
from facegap.errors import ConfigError
from facegap.kinds import KINDS
from facegap.settings.acquire import Drawn, OwnLabel, Split
from facegap.settings.load import load, read_study
from facegap.settings.reference import ROOT, files, schema, section_at, settings_of
from facegap.settings.renamed import RENAMED
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

CONFIG = ROOT / "config"
DRAWN = {"kind": "drawn", "faces": 60, "split": {"train": 40, "test": 20}, "labels": "own"}


def default() -> dict[str, Any]:
    """The default study as it is written."""
    config: dict[str, Any] = yaml.safe_load((CONFIG / "config.yaml").read_text())
    return config


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The default study with these values at these keys."""
    config = default()
    for path, value in changes:
        *folders, key = path.split(".")
        part = config
        for folder in folders:
            part = part.setdefault(folder, {})
        part[key] = value
    return config


def problems(config: Any) -> list[str]:
    """The lines that refuse a configuration."""
    with pytest.raises(ConfigError) as error:
        load(config)
    first, *lines = str(error.value).splitlines()
    assert first == "the configuration cannot be used:"
    return [line.strip() for line in lines]


NAMES = {
    "config": "drawn",
    "paper": "paper",
    "gender": "gender",
    "crossed": "crossed",
    "audit": "audit",
    "own": "own",
    "drawn-long": "drawn-long",
}


@pytest.mark.parametrize(
    "name", [path.stem for path in CONFIG.glob("*.yaml") if path.stem in NAMES]
)
def test_the_projects_own_studies_are_accepted(name: str) -> None:
    assert read_study(CONFIG / f"{name}.yaml").study == NAMES[name]


def test_the_smallest_study_is_accepted() -> None:
    assert read_study(ROOT / "tests/workflow/micro.yaml").study == "micro"


def test_the_data_set_in_the_documents_is_that_of_the_configuration_to_copy() -> None:
    text = (ROOT / "docs/own-data.md").read_text().split("```yaml\n")[1].split("```")[0]
    shown = yaml.safe_load(text)["datasets"]["source"]
    assert shown == yaml.safe_load((CONFIG / "own.yaml").read_text())["datasets"]["source"]


def test_defaults_fill_what_is_not_given_and_nothing_else() -> None:
    given = default()
    full = load(given).model_dump(mode="json")
    weights = given["synthesise"]["training"]["weights"]
    assert full["synthesise"]["training"]["weights"] == {
        **{"penalty": 10, "classification": 1},
        **weights,
    }
    head_training = given["classify"]["training"]["head_training"]
    assert full["classify"]["training"]["head_training"]["batch"] == head_training["batch"]
    assert load(full).model_dump(mode="json") == full
    assert given == default(), "the given mapping is left alone"


def test_a_section_is_the_same_in_any_order_and_with_its_defaults_written_out() -> None:
    """Or Snakemake, which compares the text of params, would run jobs again."""
    written = load(default()).model_dump(mode="json")

    def backwards(part: Any) -> Any:
        if isinstance(part, dict) and not {"source", "ada", "vggface", "male"} & part.keys():
            return {key: backwards(part[key]) for key in reversed(part)}
        return part

    assert str(load(backwards(written)).model_dump(mode="json")) == str(written)
    assert str(load(backwards(default())).model_dump(mode="json")) == str(written)


def test_whole_numbers_are_the_same_settings_as_with_a_point() -> None:
    one, two = (
        load(changed(("synthesise.training.weights.penalty", penalty))).model_dump(mode="json")
        for penalty in (10, 10.0)
    )
    assert str(one) == str(two)


def test_paths_are_spelled_in_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    for given, expected in (
        ("~/scratch/x", "/home/ada/scratch/x"),
        ("~", "/home/ada"),
        ("./x", "x"),
        ("x//y/", "x/y"),
        ("My Documents/Ümläut's", "My Documents/Ümläut's"),
        ("../x", "../x"),
    ):
        study = load(changed(("results", given), ("data_root", given)))
        assert (study.results, study.data_root) == (expected, expected)
    target = {"kind": "folder", "images": "./images/", "table": "./t.csv"}
    own = {"column": "group", "inside": ["A"], "outside": ["B"]}
    dataset = {**default()["datasets"]["source"], **target, "own_label": own}
    source = load(changed(("datasets.source", dataset))).datasets["source"]
    assert (source.images, source.table) == ("images", "t.csv")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_configuration_in_another_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "study.yaml"
    text = (ROOT / "tests/workflow/micro.yaml").read_text(encoding="utf-8")
    path.write_text(text, encoding=encoding)
    assert read_study(path).study == "micro"


def test_a_configuration_may_repeat_itself_by_aliases(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    text = (ROOT / "tests/workflow/micro.yaml").read_text(encoding="utf-8")
    path.write_text(
        text.replace("    ada: {error: 0.05}", "    ada: &them {error: 0.05}", 1).replace(
            "    ben: {error: 0.05}", "    ben: *them", 1
        ),
        encoding="utf-8",
    )
    assert read_study(path).annotate.annotators["ben"].error == 0.05


def test_a_device_or_pipe_is_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        with pytest.raises(ConfigError, match="not a file"):
            read_study(path)


def test_the_papers_numbers_are_in_the_papers_study() -> None:
    paper = read_study(CONFIG / "paper.yaml")
    training = paper.classify.training
    head, first = training.head, training.head_training
    assert (head.hidden, head.dropout) == ([64, 64, 64], 0.5)
    assert (first.epochs, first.batch, first.rates.adam) == (30, 128, 0.001)
    assert training.repeats == 5
    split = paper.datasets["target"].split.model_dump()
    assert split == {
        "train": 2000,
        "test": 500,
        "pictures": 1,
        "test_pictures": None,
        "strata": ["gender"],
    }
    gan, seeds = paper.synthesise.training, paper.synthesise.seeds
    assert (gan.iterations, gan.batch, gan.discriminator_steps) == (200_000, 16, 5)
    assert (gan.rate, gan.betas, len(seeds)) == (0.0001, [0.5, 0.999], 5)
    assert paper.align.crops.centre.box == 178
    assert (paper.judge.design.participants, paper.judge.design.pairs) == (3, 300)


def test_the_papers_study_has_the_readings_that_are_argued_for() -> None:
    """Of docs/method.md, where they are not the defaults."""
    paper = read_study(CONFIG / "paper.yaml")
    training = paper.classify.training
    assert (training.optimisers, training.momentum) == ("keras", 0.0)
    assert not paper.classify.augmentation.flip
    assert paper.synthesise.training.schedule == "published code"
    assert paper.synthesise.attributes.least_together == 0.1
    method = (CONFIG.parent / "docs/method.md").read_text()
    for key in ("training.optimisers", "augmentation.flip", "training.schedule", "least_together"):
        assert f"{key}`" in method, key


def test_a_known_kind_brings_its_own_words_for_the_boundary() -> None:
    paper = read_study(CONFIG / "paper.yaml")
    source = paper.own_label("source")
    assert source
    assert source.inside == ["White"]
    assert paper.own_label("target") is None, "CelebA has no race of its own"
    mine = {"column": "Male", "inside": [1], "outside": [0]}
    own = changed(("datasets.source.own_label", mine), ("classify.tasks", {}))
    label = load(own).own_label("source")
    assert label
    assert label.model_dump(exclude_none=True) == mine


def test_the_names_of_the_sides_say_which_words_are_inside() -> None:
    config = changed(
        ("boundary", "gender"),
        ("sides", {"inside": "Female", "outside": "male"}),
        ("synthesise.attributes.control", "Young"),
        ("judge.simulation.preference", {"Young": 0.6, "not Young": 0.6}),
        ("classify.tasks", {}),
    )
    label = load(config).own_label("source")
    assert label
    assert label.model_dump(exclude_none=True) == {
        "column": "gender",
        "inside": ["female"],
        "outside": ["male"],
    }


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sed", 1, "top level: unknown key sed; allowed: study, results"),
        (
            "classify.training.head_training.epoch",
            3,
            "classify.training.head_training: unknown key epoch; allowed: epochs, batch, rates",
        ),
        ("seed", "one", "seed: 'one' is not allowed; allowed: whole number from 0"),
        ("seed", True, "seed: True is not allowed; allowed: whole number from 0"),
        (
            "models.ours",
            {"kind": "detector", "outputs": "a.csv", "version": 2.1},
            "version: 2.1 is not allowed; allowed: text or null; text that looks like a number, a"
            " date, yes or no needs quotes",
        ),
        (
            "models.ours",
            {"kind": "detector", "outputs": "a.csv", "trained_on_these": "maybe"},
            "trained_on_these: 'maybe' is not allowed; allowed: true or false or unknown",
        ),
        ("study", "../up", "study: '../up' is not allowed; allowed: text that fits ^[a-z0-9]"),
        ("synthesise.seeds", [], "synthesise.seeds: [] is not allowed; allowed: list of at"),
        ("synthesise.seeds", [1, 1], "synthesise.seeds: 1 stands twice"),
        ("synthesise.seeds", [1, "b"], "synthesise.seeds.1: 'b' is not allowed"),
        ("synthesise.training.rate", float("inf"), "synthesise.training.rate: inf is not allowed"),
        (
            "classify.training.repeats",
            1,
            "classify.training.repeats: 1 is not allowed; allowed: whole number from 2",
        ),
        (
            "classify.grid.backbones",
            {"vgg61": "random"},
            "classify.grid.backbones: vgg61 is neither resnet50",
        ),
        (
            "classify.grid.backbones",
            {"vgg16": {"size": 64}},
            "classify.grid.backbones.vgg16: unknown key size; allowed: weights, input_size",
        ),
        (
            "classify.grid.backbones",
            {"vgg16": 3},
            "classify.grid.backbones.vgg16: 3 is not allowed; allowed: text or mapping",
        ),
        (
            "classify.grid.protocol",
            "random",
            "classify.grid.protocol: 'random' is not allowed; allowed: coordinate or factorial",
        ),
        (
            "boundary",
            "race",
            "datasets.source.labels: drawn has no label of its own for the boundary 'race' (it has"
            " age, gender, group); give datasets.source.own_label, or labels: people",
        ),
        (
            "classify.tasks",
            {"labels": ["Freckles"]},
            "tasks.labels: no data set has the label Freckles; they have gender, Black_Hair,",
        ),
        ("classify.tasks", {"labels": ["group"]}, "labels: group is the boundary itself; name"),
        (
            "classify.tasks",
            {"labels": ["gender"], "dose": {"tasks": ["Young"]}},
            "classify.tasks.dose.tasks: Young is not among classify.tasks.labels",
        ),
        ("classify.tasks", {"labels": ["age"]}, "no data set has the label age; they have gender"),
        ("classify.tasks", {"labels": ["all"]}, "labels: all is what all tasks together"),
        ("classify.tasks", {"labels": ["gender", "Male"]}, "gender and Male are one label"),
        (
            "classify.tasks",
            {"labels": ["gender"], "dose": {"tasks": ["gender"], "shares": [0.5]}},
            "classify.tasks.dose.shares: half is trained on in any case",
        ),
        (
            "classify.tasks.dose",
            {"tasks": ["gender"], "shares": [1.0]},
            "classify.tasks.dose.shares.0: 1.0 is not allowed",
        ),
        (
            "classify.learning_curve.faces",
            [16, 400],
            "classify.learning_curve.faces: 400, but datasets.target.split.train is 256",
        ),
        (
            "acquire.drawn.dim",
            {"sauce": 0.2},
            "acquire.drawn.dim: sauce is no drawn data set; there are source, target",
        ),
        ("synthesise.arms", ["outside"], "synthesise.arms: inside has to be among them"),
        ("synthesise.arms", ["inside", 0.5], "synthesise.arms: 0.5 is mixed"),
        ("synthesise.arms", ["inside", 1.0], "synthesise.arms.1: 1.0 is not allowed"),
        ("synthesise.arms", ["inside", "all"], "synthesise.arms.1: 'all' is not allowed"),
        (
            "synthesise.arms",
            ["inside", "outside", 0.001],
            "synthesise.arms: 0.001 of 200 faces (synthesise.roles.training_faces) is none, or all",
        ),
        (
            "synthesise.roles",
            {"training_faces": 3},
            "synthesise.roles.training_faces: 3, fewer than a batch (synthesise.training.batch: 4)",
        ),
        (
            "synthesise.roles",
            {"held_out": 0.2},
            "synthesise.roles.training_faces: several arms train on equally many faces; give a",
        ),
        ("sides.outside", "A", "sides: inside and outside have the same name"),
        ("annotate.annotators", {"ada": {"error": 0.1}}, "name two or more"),
        ("datasets.source.kind", "web", "'web' is no kind of data set; allowed: drawn, utkface"),
        ("datasets.source.split", {"train": 700, "test": 1}, "701 faces, but"),
        ("datasets.source.split", {"train": 0.9, "test": 0.2}, "more than all of the faces"),
        ("datasets.source.split", {"train": 0.9, "test": 2}, "both as"),
        (
            "datasets.source.split",
            {"train": "most", "test": 2},
            "datasets.source.split.train: 'most' is not allowed; allowed: whole number from 1 or",
        ),
        ("datasets.source.split", {"train": 9}, "datasets.source.split.test: has to be given"),
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
            {"column": "group", "inside": ["A", "A"], "outside": ["B"]},
            "datasets.source.own_label.inside: 'A' stands twice",
        ),
        (
            "datasets.source.own_label",
            {"column": "group", "inside": ["B"], "outside": ["A"]},
            "datasets.source.own_label: sides calls inside 'A' and outside 'B', but a name is",
        ),
        (
            "annotate.annotators",
            {"a/b": {"error": 0}, "c": {"error": 0}},
            "annotate.annotators.a/b: 'a/b' is not allowed; allowed: text that fits",
        ),
        ("annotate.annotators", {"ada": {}, "ben": {"error": 0}}, "annotate.annotators.ada: give"),
        (
            "judge.simulation.preference",
            {"male": 0.6},
            "judge.simulation.preference: no preference for 'female'",
        ),
        (
            "align.crops.centre",
            {"size": 30, "box": 122},
            "align.crops.centre.size: StarGAN needs a multiple of 4",
        ),
        (
            "synthesise.training.discriminator",
            {"layers": 9},
            "synthesise.training.discriminator.layers: too many",
        ),
        (
            "synthesise.attributes.control",
            "group",
            "synthesise.attributes.control: pairs cannot be alike in the boundary itself",
        ),
        (
            "synthesise.attributes.names",
            ["Black_Hair", "Young"],
            "synthesise.attributes.exclusive: of ['Black_Hair', 'Blond_Hair', 'Brown_Hair'] only"
            " Black_Hair is in synthesise.attributes.names",
        ),
        ("synthesise.attributes", ["Young"], "synthesise.attributes: renamed: synthesise.attr"),
        ("classify.crops", {"plain": "openface"}, "openface is not among align.crops"),
        (
            "classify.grid.selected_backbone",
            "vgg99",
            "classify.grid.selected_backbone: vgg99 is not among classify.grid.backbones",
        ),
        ("classify.grid.optimiser_pairs", [["adam", "sgd"]] * 2, "['adam', 'sgd'] stands twice"),
        ("study", "assets", "study: 'assets' is a folder beside the studies"),
        ("study", "bench", "study: 'bench' is a folder beside the studies"),
        ("study", "site", "study: 'site' is a folder beside the studies"),
        ("results", "", "results: '' is not allowed"),
        ("results", "a{b}", "results: 'a{b}' has the sign '{', which no path here can"),
        ("data_root", "~nobody-of-that-name/x", "data_root: '~nobody-of-that-name/x' names a home"),
        ("annotate.adjudication", "~/x.csv", "adjudication: '~/x.csv' is not below data_root"),
        ("judge.responses", "/else/x.csv", "judge.responses: '/else/x.csv' is not below data_root"),
        (
            "classify.grid.backbones.vgg16",
            {"weights": "~/x.pth"},
            "weights: '~/x.pth' is not below data_root",
        ),
        ("judge.responses", "a/../../x.csv", "'a/../../x.csv' is not below data_root"),
        ("annotate.annotators.ada.answers", "~/a.csv", "answers: '~/a.csv' is not below data_root"),
        ("data_root", "", "data_root: '' is not allowed"),
        ("data_root", "a/" + "x" * 256, "'... has a name of more than 255 bytes; shorten it"),
        ("judge.responses", "ä" * 128, "'... has a name of more than 255 bytes; shorten it"),
        ("boundary", "", "boundary: '' is not allowed"),
        ("datasets.target.faces", None, "datasets.target.faces: say how many faces to draw"),
        ("datasets.target.images", "there", "datasets.target.images: not read for the kind drawn"),
        (
            "acquire.drawn.group_distance",
            0.0,
            "datasets.target.labels: at acquire.drawn.group_distance 0 nothing in a picture tells",
        ),
        ("datasets.target.table", "t.csv", "datasets.target.table: not read for the kind drawn"),
        (
            "datasets.target.split",
            {"train": 10, "test": 10, "strata": ["hair"]},
            "datasets.target.split.strata: hair is no column of drawn faces; it has age, gender",
        ),
        (
            "datasets.target.split",
            {"train": 10, "test": 10, "test_pictures": 1, "strata": ["gender"]},
            "datasets.target.split.strata: drawn persons of the test part are drawn, not sampled",
        ),
        (
            "datasets.source.own_label",
            {"column": "Grey_Hair", "inside": [1], "outside": [0]},
            "datasets.source.own_label.column: Grey_Hair is no column of drawn faces",
        ),
        (
            "synthesise.attributes.names",
            ["Young", "Goatee"],
            "synthesise.attributes.names: Goatee is no column of drawn faces",
        ),
        (
            "synthesise.attributes.control",
            "Bald",
            "synthesise.attributes.control: Bald is no column of drawn faces",
        ),
        (
            "annotate.annotators",
            {"ada": {"answers": "a.csv"}, "ben": {"answers": "a.csv"}},
            "annotate.annotators.ben.answers: the same answers as ada's",
        ),
        ("judge.familiarity_responses", "f.csv", "judge.familiarity_responses: whose?"),
        ("classify", None, "classify: None is not allowed; allowed: mapping"),
        ("datasets", {}, "datasets: source has to be given; target has to be given"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(path: str, value: Any, message: str) -> None:
    assert any(message in line for line in problems(changed((path, value)))), message


def test_all_problems_are_shown_at_once_a_line_each() -> None:
    config = changed(
        ("reports", {}),
        ("datasets.source.face", 3),
        ("classify.training.repeats", 0),
        ("classify.training.head.hidden", "many"),
        ("synthesise.critic", {"layers": 3}),
        ("judge.familiarity_responses", "f.csv"),
    )
    assert sorted(line.split(":")[0] for line in problems(config)) == [
        "classify.training.head.hidden",
        "classify.training.repeats",
        "datasets.source",
        "judge.familiarity_responses",
        "synthesise.critic",
        "top level",
    ]
    config = changed(("study", "bench"), ("synthesise.attributes.control", "Bald"))
    assert [line.split(":")[0] for line in problems(config)][:2] == [
        "study",
        "synthesise.attributes.control",
    ]


@pytest.mark.parametrize("given", [None, 5, [], "study"])
def test_what_is_no_mapping_is_refused(given: Any) -> None:
    assert problems(given) == [f"top level: {given!r} is not allowed; allowed: mapping"]


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise("abcdefghijklmnopqrstuvwxyz")
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [*{old}, *{old}]}}\n" for old, new in pairwise("abcdefghijklmnopqrstu")
)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{}", b"- a list", b"study: [", b"\xff\xfe\xfa", b"a: *b", b"\0\0"),
        *(b"[" * 1_000_000, BOMB.encode(), MERGED.encode(), b"a: &a [*a]", b"- " * 100_000),
        *(b"seed: !!int ''", b"seed: !!bool x", b"seed: !!timestamp x"),
    ],
    ids=range(15),
)
def test_a_file_that_is_no_configuration_is_named(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "study.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=r"study\.yaml"):
        read_study(path)
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        read_study(tmp_path / "none.yaml")


@pytest.mark.parametrize("old", sorted(RENAMED))
def test_a_renamed_key_shows_the_new_name_and_once(old: str) -> None:
    config = default()
    *folders, key = old.split(".")
    part = config
    for folder in folders:
        part = part.setdefault(folder, {})
    part[key] = ["Young"] if old == "synthesise.attributes" else 3
    lines = problems(config)
    assert lines == [f"{old}: {RENAMED[old]}"]


def test_a_new_name_is_a_key() -> None:
    for words in RENAMED.values():
        for key in [word.strip(":;,") for word in words.split() if "." in word]:
            folder, name = key.rsplit(".", 1)
            assert name in section_at(folder.split("."))["properties"], key


def test_a_backbone_may_be_timms_with_a_size_and_a_file_of_its_own() -> None:
    mine = {"weights": "mine.safetensors", "input_size": 64, "revision": None, "sha256": None}
    backbones = {"vggface": "random", "resnet10t.c3_in1k": mine}
    full = load(changed(("classify.grid.backbones", backbones))).model_dump(mode="json")
    assert full["classify"]["grid"]["backbones"] == backbones


def test_timm_is_loaded_for_backbones_of_its_own_alone() -> None:
    code = (
        "import sys\n"
        "from facegap.settings.load import read_study\n"
        f"read_study({str(CONFIG / 'paper.yaml')!r})\n"
        "print(*{'timm', 'torch', 'pandas', 'numpy', 'pandera'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_race_is_the_boundary_unless_another_is_named() -> None:
    config = yaml.safe_load((CONFIG / "paper.yaml").read_text())
    del config["boundary"]
    assert load(config).boundary == "race"


def test_a_key_that_is_no_word_is_named() -> None:
    source = {**default()["datasets"]["source"], 3: 1, True: 1}
    (line,) = problems(changed(("datasets.source", source)))
    assert line.startswith("datasets.source: unknown key 3, True; allowed: kind, images")


@pytest.mark.parametrize("key", [None, 1.5])
def test_a_key_that_is_no_text_is_named(key: Any) -> None:
    (line,) = problems({**default(), key: 1})
    assert line.startswith(f"top level: unknown key {key}; allowed: study")
    (line,) = problems(changed(("judge", {key: 1})))
    assert line.startswith(f"judge: unknown key {key}; allowed: design")


def test_the_answers_of_the_two_kinds_have_a_file_each() -> None:
    both = {"responses": "a.csv", "familiarity_responses": "./a.csv"}
    (line,) = problems(changed(("judge", both)))
    assert line.startswith("judge.familiarity_responses: the file of judge.responses")


@pytest.mark.parametrize("kind", ["utkface", "lfw"])
def test_a_target_without_attributes_cannot_be_synthesised(kind: str) -> None:
    target = {"kind": kind, "split": {"train": 10, "test": 10}, "labels": "people"}
    message = "synthesise.attributes.names: Black_Hair, Blond_Hair, Brown_Hair, Bangs, No_Beard is"
    lines = problems(changed(("datasets.target", target)))
    assert any(line.startswith(f"{message} no column of {kind} faces; it has") for line in lines)


def test_gender_and_male_are_one_boundary() -> None:
    config = yaml.safe_load((CONFIG / "gender.yaml").read_text())
    config["synthesise"]["attributes"]["control"] = "Male"
    assert any("pairs cannot be alike in the boundary itself" in line for line in problems(config))


def test_further_data_sets_label_themselves() -> None:
    label = load(changed(("datasets.third", DRAWN))).own_label("third")
    assert label
    assert label.inside == ["A"]
    lines = problems(changed(("datasets.third", DRAWN | {"labels": "people"})))
    assert lines == ["datasets.third.labels: the third has to label the boundary itself (own)"]


def test_simulated_people_are_for_drawn_faces_only() -> None:
    lines = problems(changed(("datasets.target.kind", "celeba")))
    assert "annotate.annotators.ada.error: only drawn faces can be simulated" in lines
    assert "partition.verification.ada.error: only drawn faces can be simulated" in lines


def test_words_and_simulated_people_that_cannot_be_are_named() -> None:
    assert problems(changed(("annotate.annotators.cyd", {"answers": "cyd.csv"}))) == [
        "annotate.annotators: ada is simulated; people and simulated ones do not mix"
    ]
    words = {"inside": ["a", 1], "outside": ["1"]}
    people = {"cyd": {"answers": "cyd.csv", "words": words}}
    assert problems(changed(("partition.verification", people))) == [
        "partition.verification.cyd.words: '1' is both inside and outside"
    ]


def test_the_generated_files_are_current() -> None:
    for path, text in files().items():
        assert path.read_text() == text, "python -m facegap.settings.reference writes it"


def test_every_key_is_described_in_the_schema_and_the_documents() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    for name, part in settings_of(schema()):
        assert part.get("description"), name
        assert f"`{name}`" in text, f"{name}: python -m facegap.settings.reference"


def test_the_registry_of_kinds_and_the_schema_agree() -> None:
    kind = section_at(["datasets", "source", "kind"])
    assert kind["enum"] == list(KINDS)
    for name, entry in KINDS.items():
        assert (entry.reader == "") == (name == "drawn")
        assert name in kind["description"]
        for label in entry.own_labels.values():
            known = OwnLabel.model_validate(label)
            assert entry.columns is None or known.column in entry.columns


def test_the_drawn_faces_have_the_columns_of_the_registry(tmp_path: Path) -> None:
    faces = tmp_path / "faces.parquet"
    draw_faces(
        faces=faces,
        images=tmp_path / "images.zip",
        rejected=tmp_path / "rejected.csv",
        sampling=Sampling(faces=6, split=Split(train=4, test=2)),
        drawn=Drawn(pictures_per_person=2),
        dataset="source",
        seed=1,
    )
    assert {*(KINDS["drawn"].columns or ())} <= {*read_table(faces, FACES).columns}


def test_the_defaults_are_those_that_are_argued_for() -> None:
    """Of docs/method.md: what a study estimates, on whom, and what selects."""
    given = read_study(CONFIG / "paper.yaml")
    primary, roles = given.measure.primary, given.synthesise.roles
    assert (primary.quantity, primary.metric) == ("transfer loss", "balanced accuracy")
    assert given.classify.selection.criterion == "target training half"
    assert given.classify.features.unfrozen_layers == 5
    assert given.classify.grid.printed_loss == "target"
    assert given.align.crops.none.fit == "squeeze"
    assert roles.contentious == "left out"
    assert given.measure.realism.null_splits >= 200
    twice = given.acquire.duplicates
    assert twice.leave_out
    assert twice.distance is not None


READINGS = [
    "acquire.duplicates",
    "align.crops.none.fit",
    "classify.augmentation.flip",
    "classify.features.unfrozen_layers",
    "classify.grid.backbones",
    "classify.grid.printed_loss",
    "classify.selection.criterion",
    "classify.training.momentum",
    "classify.training.optimisers",
    "classify.training.tolerance",
    "partition.confidence",
    "partition.precision",
    "synthesise.attributes.least_together",
    "synthesise.training.schedule",
]


def test_the_readings_of_the_paper_are_named_with_their_keys() -> None:
    """In the first table of docs/method.md; the two that have no key in words."""
    text = (ROOT / "docs/method.md").read_text().partition("\n## ")[0]
    rows = [line.rsplit("|", 2) for line in text.splitlines() if line.startswith("| ")]
    named = {key for row in rows for key in re.findall("`([a-z_.]+)`", row[1])}
    known = {
        name.replace("<name>", dataset)
        for name, _ in settings_of(schema())
        for dataset in ("source", "target")
    }
    assert named <= known
    assert set(READINGS) <= named
    for words in ("global pooling", "Platt's calibration"):
        assert words in text, words


def test_a_task_may_not_be_the_boundary_under_another_name() -> None:
    gender = yaml.safe_load((CONFIG / "gender.yaml").read_text())
    for name in ("gender", "Male"):
        gender["classify"]["tasks"] = {"labels": [name]}
        assert f"classify.tasks.labels: {name} is the boundary itself" in problems(gender)[0]
    gender["classify"]["tasks"] = {"labels": ["Young", "Smiling"]}
    assert load(gender).classify.tasks.labels == ["Young", "Smiling"], "UTKFace has ages"
    age = yaml.safe_load((CONFIG / "gender.yaml").read_text())
    age |= {"boundary": "age", "sides": {"inside": "young", "outside": "old"}}
    age["synthesise"]["attributes"]["control"] = "gender"
    age["judge"]["simulation"]["preference"] = {"male": 0.5, "female": 0.5}
    age["classify"]["tasks"] = {"labels": ["Young"]}
    assert "classify.tasks.labels: Young is the boundary itself" in problems(age)[0]


def test_the_crossed_study_is_the_papers_but_for_what_is_crossed() -> None:
    paper, crossed = (
        load(yaml.safe_load((CONFIG / name).read_text())).model_dump()
        for name in ("paper.yaml", "crossed.yaml")
    )
    assert crossed["classify"]["tasks"]["labels"] == ["gender", "Young", "Smiling"]
    assert crossed["synthesise"]["arms"] == ["inside", "outside", "mixed"]
    for part, key in (
        *(("classify", "tasks"), ("classify", "learning_curve")),
        *(("synthesise", "arms"), ("synthesise", "roles")),
    ):
        assert crossed[part].pop(key) != paper[part].pop(key)
    assert crossed.pop("study") == "crossed"
    assert paper.pop("study") == "paper"
    assert crossed == paper


CLASSIFIER = {"kind": "classifier", "outputs": "m.csv", "tasks": {"Smiling": {}}}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ((("parts", ["classify", "synthesise"]),), "parts: synthesise needs partition; name it"),
        (
            (("parts", ["partition", "synthesise"]),),
            "parts: partition needs classify, since people",
        ),
        ((("parts", ["classify", "partition", "judge"]),), "parts: judge needs synthesise, whose"),
        ((("parts", []),), "datasets.target.labels: people label for partition; name that part"),
        (
            (("parts", ["paint"]),),
            "parts.0: 'paint' is not allowed; allowed: classify or partition",
        ),
        ((("models", {"ours": {**CLASSIFIER, "tasks": {}}}),), "models.ours.tasks: say what the"),
        ((("models", {"ours": {**CLASSIFIER, "outputs": None}}),), "models.ours.outputs: give the"),
        ((("models", {"ours": {**CLASSIFIER, "dataset": "x"}}),), "models.ours.dataset: x; say"),
        ((("models", {"landmarker": CLASSIFIER}),), "models.landmarker: landmarker is the one"),
        (
            (("models", {"ours": {"kind": "recogniser", "outputs": "m.npz", "tasks": {"a": {}}}}),),
            "models.ours.tasks: a recogniser has none; take it out",
        ),
        (
            (("datasets.source.split", {"train": 0.0, "test": 1.0}),),
            "datasets.source.split.train: nothing to train on; parts has classify",
        ),
    ],
)
def test_parts_and_models_that_do_not_fit_are_refused(changes: Any, line: str) -> None:
    assert any(found.startswith(line) for found in problems(changed(*changes))), problems(
        changed(*changes)
    )


def test_an_audit_needs_images_alone() -> None:
    study = load(
        {"study": "mine", "parts": [], "datasets": {"faces": {"kind": "drawn", "faces": 9}}}
    )
    assert study.datasets["faces"].split == Split(train=0.0, test=1.0)
    whole = problems({"study": "mine", "datasets": {"faces": {"kind": "drawn", "faces": 9}}})
    assert "sides: has to be given" in whole
    assert "datasets: source has to be given; target has to be given" in whole
