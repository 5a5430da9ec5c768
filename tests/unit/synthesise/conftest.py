"""A small data set as the stages before synthesise leave it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from facegap.tables.acquire import FACES
from facegap.tables.align import ALIGNED
from facegap.tables.base import write_table
from facegap.tables.partition import FACE_SIDES

SIZE = 16


@dataclass(frozen=True)
class Study:
    """Where the tables and crops are."""

    folder: Path
    faces: Path
    aligned: Path
    sides: Path
    shards: list[Path]

    @property
    def roles(self) -> Path:
        return self.folder / "roles.parquet"


def _make(
    folder: Path,
    faces: int = 120,
    seed: int = 0,
    decided: Mapping[str, Any] | None = None,
    **columns: Any,
) -> Study:
    """`faces` faces of persons with two pictures each, the colour and stripes of which show
    their attributes; Dark and Fair exclude each other. `columns` replace those of the table,
    `decided` those of the sides.
    """
    rng = np.random.default_rng(seed)
    person = np.arange(faces) // 2
    tone = rng.integers(0, 3, faces)
    striped = rng.integers(0, 2, faces)
    ids = [f"f{i:04}" for i in range(faces)]
    table = pd.DataFrame(
        {
            "face_id": ids,
            "path": ids,
            "subject_id": [f"p{p}" for p in person],
            "split": "rest",
            "age": np.nan,
            "gender": np.where(person % 2, "male", "female"),
            "race_raw": pd.Series([None] * faces, dtype="str"),
            "Dark": pd.array(tone == 0, dtype="Int8"),
            "Fair": pd.array(tone == 1, dtype="Int8"),
            "Striped": pd.array(striped, dtype="Int8"),
        }
    ).assign(**columns)
    sides = pd.DataFrame(
        {
            "face_id": ids,
            "side": np.where(person % 3 < 2, "inside", "outside"),
            "provenance": "own label",
            "confidence": np.nan,
            "simulated": False,
        }
    ).assign(**decided or {})
    images = rng.integers(100, 140, (faces, SIZE, SIZE, 3))
    images[tone == 0] -= 80
    images[tone == 1] += 80
    images[striped == 1, ::4] = 255 - images[striped == 1, ::4]
    aligned = pd.DataFrame({"face_id": ids, "row": range(faces)})
    faces_at, aligned_at, sides_at = (
        folder / f"{name}.parquet" for name in ("faces", "aligned", "sides")
    )
    shards = [folder / "shard-0.npy", folder / "shard-1.npy"]
    study = Study(folder, faces_at, aligned_at, sides_at, shards)
    write_table(table, study.faces, FACES)
    write_table(aligned, study.aligned, ALIGNED)
    write_table(sides, study.sides, FACE_SIDES)
    for path, part in zip(study.shards, np.array_split(images.astype(np.uint8), 2), strict=True):
        np.save(path, part)
    return study


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    """Makes a data set in a folder."""
    return _make


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return _make(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _one_core() -> None:
    """Threads that wait for each other on a busy machine take longer than one alone."""
    torch.set_num_threads(1)
