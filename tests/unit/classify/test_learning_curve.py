"""Heads on some of the target's labelled faces: the sides in their shares, fewer among the more."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from facegap.classify import learning_curve
from facegap.classify.features import Cached
from facegap.classify.learning_curve import train_learning_curve
from facegap.classify.plans import Candidate, Candidates, Preprocessed
from facegap.errors import TrainingError
from facegap.files import write_json
from facegap.settings.classify import Head, Training
from facegap.settings.crossed import LearningCurve
from facegap.tables.base import read_table, write_table
from facegap.tables.classify import ENTRIES, LEARNING_CURVE

SETTINGS = Training.model_validate(
    {
        "head": Head(hidden=[16]).model_dump(),
        "head_training": {"epochs": 10, "batch": 32, "rates": {"adam": 0.01}},
        "standardise": True,
    }
)


def target(copies: int = 2) -> Cached:
    """150 training faces, 60% inside, and 200 to test on; six features tell the sides a little."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{split}{k}", split, copy, k % 5 < 3)
        for split, count in (("train", 150), ("test", 200))
        for k in range(count)
        for copy in (range(1, copies + 1) if split == "train" else [0])
    ]
    table = pd.DataFrame(rows, columns=["face_id", "split", "copy", "inside"])
    table["row"] = pd.factorize(table["face_id"])[0]
    table = table.assign(person=table["face_id"], agreed=table["face_id"] != "test7")
    pooled = rng.normal(size=(len(table), 30)).astype(np.float32)
    pooled[:, :6] += np.where(table["inside"], 0.5, -0.5)[:, None]
    return Cached(table[list(ENTRIES.columns)], pooled, pooled)


@pytest.fixture
def job(tmp_path: Path) -> dict[str, Any]:
    cached = target()
    (folder := tmp_path / "features/vggface/augmented/target").mkdir(parents=True)
    write_table(cached.entries, folder / "entries.parquet", ENTRIES)
    for array in ("boundary", "pooled"):
        np.save(folder / f"{array}.npy", cached.pooled)
    write_json({"name": "vggface, augmented, adam/sgd"}, tmp_path / "selected.json")
    return {
        "selected": tmp_path / "selected.json",
        "features": [tmp_path / "features/vggface"],
        "predictions": tmp_path / "curve.parquet",
        "candidates": Candidates(
            {"vggface": Candidate(32, False)}, {"augmented": Preprocessed("none", None)}
        ),
        "settings": SETTINGS,
        "plan": LearningCurve(faces=[8, 40, 150], trainings=4),
        "threads": 1,
        "seed": 1,
    }


def test_more_faces_are_better_and_the_same_seed_is_the_same(job: dict[str, Any]) -> None:
    train_learning_curve(**job)
    table = read_table(job["predictions"], LEARNING_CURVE)
    assert len(table) == 3 * 4 * 199, "numbers, trainings, agreed test faces"
    assert "test7" not in set(table["face_id"])
    right = (table["probability"] >= 0.5) == table["inside"]
    shares = right.groupby(table["training_faces"]).mean()
    assert shares[8] + 0.05 < shares[40] < shares[150] + 0.02
    before = job["predictions"].read_bytes()
    train_learning_curve(**job)
    assert job["predictions"].read_bytes() == before


def test_the_sides_have_their_shares_and_fewer_faces_are_some_of_the_more() -> None:
    cached = target()
    rows = cached.rows("train")
    taken = {n: learning_curve._sampled(cached, rows, n, 0, 1) for n in (8, 40, 150)}
    for n, some in taken.items():
        assert some.shape == (n, 2)
        assert cached.inside(some[:, 0]).sum() == round(0.6 * n)
        assert len({*some.ravel()}) == 2 * n
    assert {*taken[8].ravel()} < {*taken[40].ravel()} < {*taken[150].ravel()}
    other = learning_curve._sampled(cached, rows, 8, 1, 1)
    assert {*other.ravel()} != {*taken[8].ravel()}, "each training has its own"


@pytest.mark.parametrize(
    ("faces", "words"),
    [([151], "151, but the target has 150 labelled"), ([2, 40], "of 2 faces")],
)
def test_numbers_that_cannot_be_are_refused(
    faces: list[int], words: str, job: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if faces[0] == 2:  # 95% inside: of two faces none is outside
        entries = target().entries
        number = entries["face_id"].str.extract(r"(\d+)")[0].astype(int)
        entries["inside"] = number % 20 > 0
        path = job["features"][0] / "augmented/target/entries.parquet"
        write_table(entries, path, ENTRIES)
    with pytest.raises(TrainingError, match=words):
        train_learning_curve(**{**job, "plan": LearningCurve(faces=faces, trainings=2)})
