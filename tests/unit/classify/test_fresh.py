"""Fresh heads are trained as the study's, and asked of persons whom the drawing program knows."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.classify.backbones import Network, network
from facegap.classify.fresh import train_fresh_heads
from facegap.classify.plans import Candidate, Candidates, Preprocessed
from facegap.configurations import Configuration
from facegap.settings.acquire import OwnLabel
from facegap.settings.classify import Features, Training
from facegap.settings.measure import KnownTruth
from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES, PREDICTIONS

CPU = torch.device("cpu")
SELECTED = Configuration("vgg16", "plain", "adam", "sgd")
BENCHMARK = replace(SELECTED, head_optimiser="rmsprop")
EXTRACTION = Features(input_size=32, unfrozen_layers=5)
COUNTS = {"source": 6, "target": 14}  # fresh faces of either style


def pictures(inside: np.ndarray) -> np.ndarray:
    """Light where inside, dark where not, each another shade."""
    rng = np.random.default_rng(len(inside))
    shade = np.where(inside, 155, 95) + rng.normal(0, 12, len(inside))
    noise = rng.normal(0, 12, (len(inside), 32, 32, 3))
    return (shade[:, None, None, None] + noise).clip(0, 255).astype(np.uint8)


def features(folder: Path, net: Network) -> Path:
    """Of two data sets, whose labels contradict each other."""
    for name in ("source", "target"):
        (path := folder / "features/plain" / name).mkdir(parents=True)
        inside = np.arange(40) % 2 == 0
        boundary = net.boundary(pictures(inside), CPU).numpy().astype(EXTRACTION.cache)
        np.save(path / "boundary.npy", boundary)
        np.save(path / "pooled.npy", net.pooled(torch.from_numpy(boundary).float()).numpy())
        table = pd.DataFrame({"face_id": [f"{name}{k}" for k in range(40)], "copy": 0})
        table["split"], table["row"] = ["train"] * 32 + ["test"] * 8, range(40)
        table["inside"] = inside == (name == "source")
        table = table.assign(person=table["face_id"], agreed=True)
        write_table(table, path / "entries.parquet", ENTRIES)
    preprocessed = {"plain": {"crop": "none", "augmentation": None}}
    about = {"network": net.digest, "preprocessings": preprocessed}
    (folder / "features/about.json").write_text(json.dumps(about))
    return folder / "features"


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What heads of either data set answer on fresh faces of either style."""
    folder = tmp_path_factory.mktemp("fresh")
    net = network("vgg16", size=32, layers=5, weights=None, seed=1, device=CPU)
    for style, count in COUNTS.items():
        inside = np.arange(count) % 3 > 0
        ids = [f"fresh{k}" for k in range(count)]
        table = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ids, "split": "test"})
        table = table.assign(age=np.nan, gender=None, race_raw=None)
        table["group"] = np.where(inside, "A", "B")
        write_table(table, folder / f"{style}.parquet", FACES)
        aligned = pd.DataFrame({"face_id": ids, "row": range(count)})
        write_table(aligned, folder / f"{style}-aligned.parquet", ALIGNED)
        np.save(folder / f"{style}.npy", pictures(inside))
    for name, chosen in (("selected", SELECTED), ("benchmark", BENCHMARK)):
        (folder / f"{name}.json").write_text(json.dumps({"name": chosen.name}))
    part = {"epochs": 8, "batch": 8, "rates": {"adam": 0.002, "rmsprop": 0.002}}
    train_fresh_heads(
        selected=folder / "selected.json",
        benchmark=folder / "benchmark.json",
        features=[features(folder, net)],
        weights=[],
        faces=[folder / f"{style}.parquet" for style in COUNTS],
        aligned=[folder / f"{style}-aligned.parquet" for style in COUNTS],
        shards=[folder / f"{style}.npy" for style in COUNTS],
        predictions=folder / "predictions.parquet",
        candidates=Candidates(
            {"vgg16": Candidate(32, False)}, {"plain": Preprocessed("none", None)}
        ),
        extraction=EXTRACTION,
        settings=Training.model_validate({"standardise": True, "head_training": part}),
        own_label=OwnLabel(column="group", inside=["A"], outside=["B"]),
        styles=list(COUNTS),
        known_truth=KnownTruth(trainings=3),
        threads=1,
        seed=1,
    )
    return read_table(folder / "predictions.parquet", PREDICTIONS)


def test_each_trains_on_its_own_data_set_and_the_drawing_program_knows_who_is_right(
    answered: pd.DataFrame,
) -> None:
    """What is inside in the one training part is outside in the other."""
    right = (answered["probability"] >= 0.5) == (answered["label"] == "inside")
    shares = right.groupby([answered["trained_on"], answered["dataset"]]).mean()
    assert (shares["source"] > 0.7).all()
    assert (shares["target"] < 0.3).all()


def test_every_training_answers_on_every_fresh_face_of_either_style(
    answered: pd.DataFrame,
) -> None:
    keys = ["trained_on", "dataset", "repeat"]
    counts = answered.groupby(keys)["face_id"].nunique()
    assert len(counts) == 2 * 2 * 3
    assert (counts == counts.index.get_level_values("dataset").map(COUNTS)).all()
    assert not answered.duplicated([*keys, "face_id"]).any()
    models = answered.groupby("trained_on")["model"].unique().map(list).to_dict()
    assert models == {"source": [SELECTED.head_name], "target": [BENCHMARK.head_name]}
    assert set(answered["part"]) == {"test"}
    of_repeats = answered.groupby(keys)["probability"].mean().groupby(keys[:2])
    assert (of_repeats.nunique() == 3).all(), "trainings that differ"
