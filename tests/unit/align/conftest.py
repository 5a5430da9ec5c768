"""Drawn faces with known landmarks, and the landmark model."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from facegap import tables
from facegap.acquire.assets import fetch_asset
from facegap.acquire.collection import draw_faces
from facegap.align.shards import align_shard

ASSET = "face_landmarker.task"
LIMITS = {"size": 0, "sharpness": 0, "yaw": 180, "pitch": 180, "roll": 180}


@dataclass(frozen=True)
class Drawn:
    """A drawn collection on disk."""

    faces: Path  # table FACES, with the true landmarks
    images: Path

    @property
    def table(self) -> pd.DataFrame:
        return tables.read(self.faces, tables.FACES)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landmark model, from the cache after the first time."""
    manifest = yaml.safe_load((Path(__file__).parents[3] / "config/assets.yaml").read_text())
    target = tmp_path_factory.mktemp("assets") / ASSET
    fetch_asset(ASSET, manifest[ASSET], target)
    return target


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Thirty faces of the target's style, 178 x 218."""
    folder = tmp_path_factory.mktemp("drawn")
    made = Drawn(folder / "faces.parquet", folder / "images.zip")
    draw_faces(
        made.faces,
        made.images,
        folder / "rejected.csv",
        dataset="target",
        faces=30,
        split={"train": 10, "test": 10},
        gap=1.0,
        pictures_per_person=2,
        inside_share=0.5,
        seed=5,
    )
    return made


@pytest.fixture(scope="session")
def aligned(model: Path) -> Callable[..., Path]:
    """A function that aligns shard `shard` of `shards` of a collection into a folder."""

    def align(drawn: Drawn, folder: Path, shard: int = 0, shards: int = 1, **changed: Any) -> Path:
        crops = {
            "none": {"size": 64},
            "ears-chin": {"size": 128, "margin": 0},
            "openface": {"size": 96},
            "openface-similarity": {"size": 112, "scale": 0.7, "mask": True},
            "centre": {"size": 64, "box": 178},
        }
        align_shard(
            faces=drawn.faces,
            images=drawn.images,
            model=changed.get("model", model),
            arrays=[folder / f"{crop}-{shard}.npy" for crop in changed.get("crops", crops)],
            landmarks=folder / f"landmarks-{shard}.parquet",
            measures=folder / f"measures-{shard}.parquet",
            rejected=folder / f"rejected-{shard}.csv",
            thumbnails=folder / f"rejected-{shard}.npy",
            shard=shard,
            shards=shards,
            crops=changed.get("crops", crops),
            limits={**LIMITS, **changed.get("limits", {})},
            confidence=0.5,
            face="nearest",
            max_pixels=changed.get("max_pixels", 1_000_000),
        )
        return folder

    return align
