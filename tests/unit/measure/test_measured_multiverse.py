"""Each reading's outcome, counted four ways, and what the readings agree on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap.measure.multiverse import measure_multiverse
from facegap.settings.measure import Intervals, Primary
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import READINGS
from facegap.tables.measure import ESTIMATES

FACES_EACH = 120


def answers(optimiser: str, trained_on: str, dataset: str, share: float) -> pd.DataFrame:
    """Three trainings that are right on so large a share of the faces of either side."""
    rng = np.random.default_rng([len(optimiser), len(trained_on), len(dataset), int(100 * share)])
    parts = []
    for repeat in range(3):
        inside = np.arange(FACES_EACH) % 2 == 0
        right = rng.permutation(FACES_EACH // 2) < share * FACES_EACH / 2
        probability = np.where(right.repeat(2) == inside, 0.9, 0.1)
        table = pd.DataFrame({"face_id": [f"{dataset}{k}" for k in range(FACES_EACH)]})
        agreed = np.arange(FACES_EACH) % 12 > 1 if dataset == "target" else True
        parts.append(
            table.assign(inside=inside, agreed=agreed, probability=probability, repeat=repeat)
        )
    names = {"backbone": "vgg16", "preprocessing": "augmented", "activations": "relu"}
    names |= {"terms": "whole", "optimiser": optimiser, "library": "torch"}
    return pd.concat(parts).assign(
        **names, standardise=True, trained_on=trained_on, dataset=dataset
    )


def measured(folder: Path, parts: list[pd.DataFrame], primary: Primary) -> pd.DataFrame:
    table = pd.concat(parts)[list(READINGS.columns)]
    write_table(table, folder / "readings.parquet", READINGS)
    for name in ("source", "target"):
        ids = [f"{name}{k}" for k in range(FACES_EACH)]
        faces = pd.DataFrame({"face_id": ids, "path": ids, "subject_id": ids, "split": "test"})
        faces = faces.assign(age=np.nan, gender="male", race_raw=None)
        write_table(faces.astype({"race_raw": "str"}), folder / f"{name}.parquet", FACES)
    measure_multiverse(
        readings=folder / "readings.parquet",
        faces=[folder / "source.parquet", folder / "target.parquet"],
        estimates=folder / "multiverse.parquet",
        study="study",
        datasets=["source", "target"],
        primary=primary,
        intervals=Intervals(),
    )
    return read_table(folder / "multiverse.parquet", ESTIMATES)


@pytest.mark.parametrize("quantity", ["transfer loss", "transfer gap"])
def test_each_reading_is_counted_four_ways(tmp_path: Path, quantity: str) -> None:
    own = "target" if quantity == "transfer loss" else "source"
    parts = []
    for optimiser, share in (("adam", 0.6), ("rmsprop", 0.9)):
        parts.append(answers(optimiser, own, own, 0.9))
        parts.append(answers(optimiser, "source", "target", share))
    table = measured(tmp_path, parts, Primary.model_validate({"quantity": quantity}))
    readings = table[table["quantity"] == "reading"]
    assert len(readings) == 8
    assert set(readings["metric"]) == {"balanced accuracy", "accuracy"}
    lost = readings[readings["group"].str.contains("adam")]
    assert lost["estimate"].between(0.2, 0.4).all()
    assert (lost["low"] > 0).all()
    same = readings[readings["group"].str.contains("rmsprop")]
    assert same["estimate"].abs().max() < 0.06
    agreed = table[table["quantity"] == "multiverse"].set_index("metric")
    assert agreed.loc["above zero", "estimate"] == 0.5
    assert agreed.loc["below zero", "estimate"] == 0
    assert agreed.loc["median", "estimate"] == pytest.approx(readings["estimate"].median())
    assert (agreed["answers"] == 8).all()


def test_a_reading_without_answers_of_both_models_has_no_row(tmp_path: Path) -> None:
    parts = [
        *(answers("adam", "target", "target", 0.9), answers("adam", "source", "target", 0.6)),
        answers("sgd", "source", "target", 0.6),
    ]
    table = measured(tmp_path, parts, Primary())
    assert not table["group"].str.contains("sgd").any()
    assert (table["quantity"] == "reading").sum() == 4
