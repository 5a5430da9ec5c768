"""More labels are wrong, by person and rate; heads learn the labels that they are shown."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.classify.features import read_features
from facegap.classify.mislabelled import Trainer, train_mislabelled
from facegap.classify.plans import Candidate, Candidates
from facegap.classify.training import Schedule, head_logits
from facegap.files import write_json
from facegap.settings.classify import Training
from facegap.settings.crossed import LabelError
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES, MISLABELLED

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
