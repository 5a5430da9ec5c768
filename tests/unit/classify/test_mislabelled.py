"""More labels are wrong, by person and rate; heads learn the labels that they are shown."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.classify.features import read_features
from facegap.classify.mislabelled import Trainer, train_mislabelled, train_task_mislabelled
from facegap.classify.plans import Candidate, Candidates, TaskPlan
from facegap.classify.training import Schedule, head_logits
from facegap.files import write_json
from facegap.settings.classify import Training
from facegap.settings.crossed import LabelError
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES, MISLABELLED, MISLABELLED_TASKS

SETTINGS = Training.model_validate(
    {"head": {"hidden": [8]}, "head_training": {"epochs": 20, "batch": 16, "rates": {"adam": 0.02}}}
)
PLAN = LabelError(rates=[0.1, 0.2, 0.3], simulations=4, trainings=2)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Of two data sets of persons with two pictures, in which the first number tells the sides."""
    rng = np.random.default_rng(0)
    for name, faces in (("source", 120), ("target", 160)):
        folder = tmp_path / "vgg16/augmented" / name
        folder.mkdir(parents=True)
        person = np.arange(faces) // 2
        inside = person % 2 == 0
        ids = [f"{name}{k}" for k in range(faces)]
        table = pd.DataFrame({"face_id": ids, "person": [f"p{p}" for p in person], "copy": 0})
        table["split"] = np.where(np.arange(faces) < faces // 2, "train", "test")
        table = table.assign(inside=inside, agreed=person % 10 != 9, row=range(faces))
        write_table(table[list(ENTRIES.columns)], folder / "entries.parquet", ENTRIES)
        pooled = rng.normal(0, 1, (faces, 5)).astype(np.float32)
        pooled[:, 0] += 4 * inside
        np.save(folder / "pooled.npy", pooled)
        np.save(folder / "boundary.npy", pooled.astype(np.float16))
    return tmp_path / "vgg16"


def train(features: Path, seed: int = 1) -> pd.DataFrame:
    selected = features.parent / "selected.json"
    write_json({"name": "vgg16, augmented, adam/sgd"}, selected)
    train_mislabelled(
        selected=selected,
        features=[features],
        mislabelled=features.parent / "mislabelled.parquet",
        candidates=Candidates({"vgg16": Candidate(32, False)}, {}),
        settings=SETTINGS,
        plan=PLAN,
        threads=1,
        seed=seed,
    )
    return read_table(features.parent / "mislabelled.parquet", MISLABELLED)


def test_so_many_more_labels_are_wrong_and_all_of_a_person(features: Path) -> None:
    table = train(features)
    target = read_features(features / "augmented/target").entries.set_index("face_id")
    source = table[table["dataset"] == "source"]
    assert set(source["rate"]) == {0.0}, "the source's labels stay"
    own = table[(table["dataset"] == "target") & (table["repeat"] == 0)]
    own = own[own["trained_on"] == "source"]
    wrong = own["inside"] != own["face_id"].map(target["inside"])
    shares = wrong.groupby(own["rate"]).mean()
    assert shares.loc[0.0] == 0
    assert shares.is_monotonic_increasing
    assert 0 < shares.loc[0.1] < shares.loc[0.3] < 0.45
    people = own.assign(wrong=wrong, person=own["face_id"].map(target["person"]))
    assert (people.groupby(["rate", "simulation", "person"])["wrong"].nunique() == 1).all()
    assert own["face_id"].map(target["agreed"]).all(), "contentious faces judge nobody"


def test_both_models_are_judged_by_the_same_labels(features: Path) -> None:
    table = train(features)
    keys = ["rate", "simulation", "face_id"]
    target = table[(table["dataset"] == "target") & (table["repeat"] == 0)]
    one, other = (
        target[target["trained_on"] == name].set_index(keys)["inside"].sort_index()
        for name in ("source", "target")
    )
    assert one.equals(other)
    probability = table[table["trained_on"] == "source"].groupby(["dataset", "face_id", "repeat"])
    assert (probability["probability"].nunique() == 1).all(), "the source's heads are trained once"


def test_heads_learn_the_labels_that_they_are_shown(features: Path) -> None:
    target = read_features(features / "augmented/target")
    schedule = Schedule.of(SETTINGS.head_training, "adam", SETTINGS)
    trainer = Trainer(schedule, SETTINGS, 2, 1, torch.device("cpu"))
    count = len(target.entries)
    heads = trainer.heads(target, [np.zeros(count, bool), np.ones(count, bool)], "target")
    right, reversed_ = np.split(head_logits(heads, target, target.of_parts(["test"])) > 0, 2)
    inside = target.inside(target.of_parts(["test"])) == 1
    assert (right == inside).mean() > 0.9
    assert (reversed_ == inside).mean() < 0.1


def test_the_same_seed_gives_the_same_answers(features: Path) -> None:
    assert train(features).equals(train(features))
    assert not train(features).equals(train(features, seed=2))


def of_task(features: Path, label: bool = True) -> pd.DataFrame:
    """The rows of heads that learn Smiling, which half of each side's persons have."""
    count = 160
    ids = [f"target{k}" for k in range(count)]
    faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ids, "split": "test"})
    faces = faces.assign(age=np.nan, gender="male", race_raw=None).astype({"race_raw": "str"})
    if label:
        faces["Smiling"] = (np.arange(count) // 4 % 2 == 0).astype("int8")
        faces = faces.astype({"Smiling": "Int8"})
    write_table(faces, features.parent / "faces.parquet", FACES)
    write_json({"name": "vgg16, augmented, adam/sgd"}, features.parent / "selected.json")
    train_task_mislabelled(
        selected=features.parent / "selected.json",
        features=[features],
        faces=features.parent / "faces.parquet",
        mislabelled_tasks=features.parent / "Smiling.parquet",
        candidates=Candidates({"vgg16": Candidate(32, False)}, {}),
        settings=SETTINGS.model_copy(
            update={"head_training": SETTINGS.head_training.model_copy(update={"batch": 4})}
        ),
        task_plan=TaskPlan([0.0, 0.5, 1.0], 10, ["test"], None),
        plan=PLAN,
        task="Smiling",
        threads=1,
        seed=1,
    )
    return read_table(features.parent / "Smiling.parquet", MISLABELLED_TASKS)


def test_a_tasks_heads_train_and_are_tested_by_the_wrong_sides(features: Path) -> None:
    table = of_task(features)
    assert set(table["share"]) == {0.0, 1.0}
    assert set(table["trained_on"]) == set(table["dataset"]) == {"target"}
    target = read_features(features / "augmented/target").entries.set_index("face_id")
    true = np.where(table["face_id"].map(target["inside"]), "inside", "outside")
    moved = (table["side"] != true).groupby(table["rate"]).mean()
    assert moved[0.0] == 0
    assert moved.loc[0.3] > moved.loc[0.1] > 0
    per = table.groupby(["rate", "simulation", "share", "repeat"])["face_id"]
    assert (per.nunique() == per.size()).all()


def test_a_task_that_the_target_does_not_have_has_no_rows(features: Path) -> None:
    assert of_task(features, label=False).empty
