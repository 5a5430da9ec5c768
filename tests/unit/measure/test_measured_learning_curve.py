"""The learning curve's rows: on the same faces as the transferred model, each number once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facegap.compare import KEYS
from facegap.configurations import Configuration
from facegap.files import write_json
from facegap.measure.learning_curve import measure_learning_curve
from facegap.settings.measure import Intervals
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import LEARNING_CURVE, PREDICTIONS
from facegap.tables.measure import ESTIMATES

CHOSEN = Configuration("vgg16", "augmented", "adam", "sgd")


def predicted(right: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.where(right == inside, 0.9, 0.1)


def test_the_rows_are_what_they_are_called(tmp_path: Path) -> None:
    faces = pd.DataFrame({"face_id": [f"f{k:03d}" for k in range(300)]})
    faces = faces.assign(path=faces["face_id"], subject_id=None, split="test")
    write_table(faces.assign(age=np.nan, gender=None, race_raw=None), tmp_path / "f.parquet", FACES)
    rng = np.random.default_rng(1)
    hard, inside = rng.random(300), np.arange(300) % 3 == 0
    known = faces[["face_id"]].assign(inside=inside)
    curve = pd.concat(
        known.assign(training_faces=n, repeat=k, probability=predicted(own < share, inside))
        for n, share in ((64, 0.8), (16, 0.6), (256, 0.9))
        for k in range(5)
        for own in [0.7 * hard + 0.3 * rng.random(300)]
    )
    write_table(curve, tmp_path / "curve.parquet", LEARNING_CURVE)
    about = {"model": CHOSEN.head_name, "trained_on": "source", "arm": "full", "part": "test"}
    labels = np.where(inside, "inside", "outside")
    table = faces[["face_id"]].assign(**about, dataset="target", task="boundary", label=labels)
    heads = pd.concat(
        table.assign(agreed=True, repeat=k, probability=predicted(own < 0.7, inside))
        for k in range(3)
        for own in [0.7 * hard + 0.3 * rng.random(300)]
    )
    other = heads.assign(trained_on="target", probability=0.5)
    write_table(
        pd.concat([heads, other])[list(PREDICTIONS.columns)], tmp_path / "p.parquet", PREDICTIONS
    )
    write_json({"name": CHOSEN.name}, tmp_path / "selected.json")
    measure_learning_curve(
        curve=tmp_path / "curve.parquet",
        predictions=tmp_path / "p.parquet",
        selected=tmp_path / "selected.json",
        faces=tmp_path / "f.parquet",
        estimates=tmp_path / "e.parquet",
        study="test",
        intervals=Intervals(),
        seed=1,
    )
    rows = read_table(tmp_path / "e.parquet", ESTIMATES)
    assert not rows.duplicated(KEYS).any()
    of_curve = rows[rows["quantity"] == "learning curve"].set_index("answers")
    right = (curve["probability"] >= 0.5) == curve["inside"]
    shares = right.groupby([curve["training_faces"], curve["inside"]]).mean()
    for n in (16, 64, 256):
        assert of_curve.loc[n, "estimate"] == pytest.approx(shares[n].mean())
        assert of_curve.loc[n, "group"] == f"labelled faces: {n}"
    (reached,) = rows[rows["quantity"] == "performance"].to_dict("records")
    right = (heads["probability"] >= 0.5) == (heads["label"] == "inside")
    own = right.groupby(heads["label"]).mean().mean()
    assert reached["estimate"] == pytest.approx(own)
    assert (reached["faces"], reached["persons"]) == (300, 300)
    (worth,) = rows[rows["quantity"] == "break-even faces"].to_dict("records")
    low, high = of_curve.loc[16, "estimate"], of_curve.loc[64, "estimate"]
    assert worth["estimate"] == pytest.approx(16 * 4 ** ((own - low) / (high - low)))
    assert 16 < worth["low"] < worth["estimate"] < worth["high"] < 256
