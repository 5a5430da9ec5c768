"""Drawn faces: the same bytes from the same seed, a truth that fits, styles that differ."""

import zipfile
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facegap.acquire.collection import HAIR, SOURCE, TARGET, Style, draw_faces, style_at
from facegap.acquire.drawing import Face
from facegap.acquire.splits import Sampling
from facegap.settings.acquire import Drawn, Split
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

DOCS = Path(__file__).parents[3] / "docs/drawn-faces.md"


def drawn(
    folder: Path, dataset: str = "target", distance: float = 1.0, seed: int = 1
) -> pd.DataFrame:
    folder.mkdir(exist_ok=True)
    draw_faces(
        faces=folder / "faces.parquet",
        images=folder / "images.zip",
        rejected=folder / "rejected.csv",
        sampling=Sampling(60, Split(train=30, test=20)),
        drawn=Drawn(capture_distance=distance, pictures_per_person=3, inside_share=0.5),
        dataset=dataset,
        seed=seed,
    )
    return read_table(folder / "faces.parquet", FACES)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    drawn(folder)
    return folder


def images(folder: Path) -> list[np.ndarray]:
    with zipfile.ZipFile(folder / "images.zip") as archive:
        data = [np.frombuffer(archive.read(name), np.uint8) for name in archive.namelist()]
    return [cv2.imdecode(one, cv2.IMREAD_COLOR) for one in data]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    collection: Path, tmp_path: Path
) -> None:
    drawn(tmp_path / "same")
    drawn(tmp_path / "other", seed=2)
    for name in ("faces.parquet", "images.zip"):
        assert (tmp_path / "same" / name).read_bytes() == (collection / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (collection / name).read_bytes()


def test_the_truth_fits_itself(collection: Path) -> None:
    faces = read_table(collection / "faces.parquet", FACES)
    colours = faces[[name for name in HAIR if name != "grey"]]
    assert (colours.sum(axis=1) <= 1).all()
    assert ((faces["gender"] == "male") == (faces["Male"] == 1)).all()
    assert ((faces["age"] < 40) == (faces["Young"] == 1)).all()
    assert ((faces["No_Beard"] == 0) <= (faces["Male"] == 1)).all()
    same = faces.groupby("subject_id")[["group", "age", "gender", "Black_Hair", "Bangs"]].nunique()
    assert (same == 1).all(axis=None), "a person is one person on all of their pictures"
    assert set(faces["group"]) == {"A", "B"}


def test_the_landmarks_are_where_the_picture_shows_them(collection: Path) -> None:
    faces = read_table(collection / "faces.parquet", FACES)
    for points, image in zip(faces["landmarks"], images(collection), strict=True):
        points = np.asarray(points).reshape(68, 2)
        height, width = image.shape[:2]
        assert ((points > 0) & (points < (width, height))).all()
        eyes = points[36:42].mean(0), points[42:48].mean(0)
        assert eyes[0][0] < points[30, 0] < eyes[1][0], "the image's left eye comes first"
        assert points[17:27, 1].mean() < eyes[0][1] < points[30, 1] < points[48:60, 1].mean()
        pupil = [image[round(float(y)), round(float(x))].max() for x, y in eyes]
        cheek = image[round(float(points[30, 1])), round(float(points[39, 0]))].max()
        assert min(pupil) < cheek, "a pupil is darker than a cheek"


def test_the_capture_distance_moves_the_target_from_the_sources_style_to_its_own() -> None:
    assert style_at(0) == SOURCE
    assert style_at(1) == TARGET
    half = style_at(0.5)
    for field in fields(Style):
        low, high = sorted((getattr(SOURCE, field.name), getattr(TARGET, field.name)))
        assert low <= getattr(half, field.name) <= high


def test_without_a_distance_both_collections_are_photographed_alike(tmp_path: Path) -> None:
    drawn(tmp_path / "source", "source", distance=0.0)
    drawn(tmp_path / "target", "target", distance=0.0)
    one, two = images(tmp_path / "source"), images(tmp_path / "target")
    assert one[0].shape == two[0].shape == (200, 200, 3)
    means = [np.array([image.mean((0, 1)) for image in part]) for part in (one, two)]
    error = np.sqrt((means[0].var(0) + means[1].var(0)) / (60 / 3))
    assert (np.abs(means[0].mean(0) - means[1].mean(0)) < 4 * error).all()


def test_the_source_is_the_same_at_any_distance(tmp_path: Path) -> None:
    drawn(tmp_path / "none", "source", distance=0.0)
    drawn(tmp_path / "full", "source", distance=1.0)
    assert (tmp_path / "none/images.zip").read_bytes() == (
        tmp_path / "full/images.zip"
    ).read_bytes()


def test_every_parameter_is_in_the_docs() -> None:
    text = DOCS.read_text()
    for kind in (Face, Style):
        for field in fields(kind):
            assert f"`{field.name}`" in text, field.name
