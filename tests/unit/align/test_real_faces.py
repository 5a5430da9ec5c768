"""Real faces: nearly all found, and level. They lie beside the repository, never in it."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from facegap.acquire.archives import unpack_images
from facegap.align.landmarks import chosen, open_landmarker
from facegap.crops import Crops
from facegap.images import open_images
from facegap.tables import acquire
from facegap.tables.base import write_table

FACES = Path(__file__).parents[4] / "shared/faces"


@pytest.mark.skipif(not FACES.is_dir(), reason=f"no real faces at {FACES}: see docs/data.md")
@pytest.mark.parametrize("archive", ["UTKFace.tar.gz", "img_align_celeba.zip"])
def test_real_faces_are_found_and_level(
    archive: str, aligned: Callable[..., Path], model: Path, tmp_path: Path
) -> None:
    images = FACES / archive
    if archive.endswith(".tar.gz"):
        unpack_images(archives=[images], images=tmp_path / "images.zip")
        images = tmp_path / "images.zip"
    with zipfile.ZipFile(images) as source:
        names = [name for name in source.namelist() if name.endswith(".jpg")]
    names = list(np.random.default_rng(0).choice(names, 120, replace=False))
    table = pd.DataFrame({"face_id": names, "path": names, "subject_id": None, "split": "rest"})
    table = table.assign(age=np.nan, gender=None, race_raw=None)
    write_table(table, tmp_path / "faces.parquet", acquire.FACES)

    collection = SimpleNamespace(faces=tmp_path / "faces.parquet", images=images)
    folder = aligned(collection, tmp_path, crops={"ears-chin": {"size": 200}})
    found = Crops([folder / "ears-chin-0.npy"])
    assert len(found) >= 0.97 * len(names)
    tilts = []
    with open_landmarker(model, 0.5) as find:
        for crop in found.take(range(40)):
            if face := chosen(find(crop), crop.shape, "nearest"):
                x, y = face.points[42:48].mean(axis=0) - face.points[36:42].mean(axis=0)
                tilts.append(np.degrees(np.arctan2(y, x)))
    assert len(tilts) > 30
    assert np.median(np.abs(tilts)) < 1


@pytest.mark.skipif(not FACES.is_dir(), reason=f"no real faces at {FACES}: see docs/data.md")
@pytest.mark.parametrize("archive", ["UTKFace.tar.gz", "img_align_celeba.zip"])
def test_every_real_picture_is_sound(archive: str, tmp_path: Path) -> None:
    images = FACES / archive
    if archive.endswith(".tar.gz"):
        unpack_images(archives=[images], images=tmp_path / "images.zip")
        images = tmp_path / "images.zip"
    with open_images(images) as source:
        names = [name for name in source.names() if name.endswith(".jpg")]
        assert len(names) > 1000
        for name in names:
            assert source.read(name).ndim == 3
