"""Drawn faces with known landmarks, and the landmark model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from crops import CROPS

from facegap.acquire.assets import fetch_asset
from facegap.acquire.collection import draw_faces
from facegap.acquire.splits import Sampling
from facegap.align.shards import align_shard
from facegap.assets import manifest
from facegap.settings import acquire
from facegap.settings.align import Align
from facegap.settings.operations import Operations
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

ASSET = "face_landmarker.task"


@dataclass(frozen=True)
class Drawn:
    """A drawn collection on disk."""

    faces: Path  # table FACES, with the true landmarks
    images: Path

    @property
    def table(self) -> pd.DataFrame:
        return read_table(self.faces, FACES)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landmark model, from the cache after the first time."""
    target = tmp_path_factory.mktemp("assets") / ASSET
    fetch_asset(
        by_hand=None, file=target, entry=manifest()[ASSET], asset=ASSET, operations=Operations()
    )
    return target


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Thirty faces of the target's style, 178 x 218."""
    folder = tmp_path_factory.mktemp("drawn")
    made = Drawn(folder / "faces.parquet", folder / "images.zip")
    draw_faces(
        faces=made.faces,
        images=made.images,
        rejected=folder / "rejected.csv",
        sampling=Sampling(30, acquire.Split(train=10, test=10)),
        drawn=acquire.Drawn(capture_distance=1, pictures_per_person=2, inside_share=0.5),
        dataset="target",
        seed=5,
    )
    return made


@pytest.fixture(scope="session")
def aligned(model: Path) -> Callable[..., Path]:
    """A function that aligns shard `shard` of `shards` of a collection into a folder."""

    def align(drawn: Drawn, folder: Path, shard: int = 0, shards: int = 1, **changed: Any) -> Path:
        settings = Align(
            shards=shards,
            crops=CROPS | changed.get("crops", {}),
            limits=changed.get("limits", {}),
            max_pixels=changed.get("max_pixels", 1_000_000),
        )
        align_shard(
            faces=drawn.faces,
            images=drawn.images,
            model=changed.get("model", model),
            arrays=[folder / f"{crop}-{shard}.npy" for crop in settings.crops.written()],
            landmarks=folder / f"landmarks-{shard}.parquet",
            measures=folder / f"measures-{shard}.parquet",
            rejected=folder / f"rejected-{shard}.csv",
            thumbnails=folder / f"rejected-{shard}.npy",
            settings=settings,
            shard=shard,
        )
        return folder

    return align
