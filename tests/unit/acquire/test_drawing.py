"""Drawn faces: the same bytes from the same seed, a truth that fits, styles that differ."""

import zipfile
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import binomtest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from facegap.acquire import collection as drawn_collection
from facegap.acquire import persons
from facegap.acquire.collection import (
    SOURCE,
    TARGET,
    Style,
    distance_of,
    draw_faces,
    draw_fresh_faces,
    draw_pictures,
    style_at,
)
from facegap.acquire.drawing import Face
from facegap.acquire.persons import (
    BROWS,
    GROUPS,
    HAIR,
    LIPS,
    SHAPE,
    TONE,
    Picture,
    fresh_pictures,
    pictures_of,
)
from facegap.acquire.splits import Sampling
from facegap.decoding import decoded
from facegap.settings.acquire import Drawn, Split
from facegap.settings.load import load
from facegap.settings.measure import KnownTruth
from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs/drawn-faces.md"


SAMPLING = Sampling(60, Split(train=30, test=20))


def settings(distance: float = 1.0, groups: float = 1.0) -> Drawn:
    return Drawn(
        capture_distance=distance,
        group_distance=groups,
        pictures_per_person=3,
        inside_share=0.5,
    )


def drawn(
    folder: Path, dataset: str = "target", distance: float = 1.0, seed: int = 1
) -> pd.DataFrame:
    folder.mkdir(exist_ok=True)
    draw_faces(
        faces=folder / "faces.parquet",
        images=folder / "images.zip",
        rejected=folder / "rejected.csv",
        sampling=SAMPLING,
        drawn=settings(distance),
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


def test_a_share_of_the_pictures_is_dim_and_the_others_are_as_they_were(
    collection: Path, tmp_path: Path
) -> None:
    dim = settings().model_copy(update={"dim": {"target": 0.5, "source": 1.0}})
    draw_faces(
        faces=tmp_path / "faces.parquet",
        images=tmp_path / "images.zip",
        rejected=tmp_path / "rejected.csv",
        sampling=SAMPLING,
        drawn=dim,
        dataset="target",
        seed=1,
    )
    light = [
        (one.mean(), two.mean())
        for one, two in zip(images(collection), images(tmp_path), strict=True)
    ]
    changed = [(one, two) for one, two in light if one != two]
    assert 0.3 < len(changed) / len(light) < 0.7
    assert all(0.15 < two / one < 0.4 for one, two in changed)
    table = read_table(tmp_path / "faces.parquet", FACES)
    assert table.equals(read_table(collection / "faces.parquet", FACES)), "the truth is the same"


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


@pytest.mark.parametrize("dataset", ["source", "target"])
def test_pictures_drawn_in_their_own_style_are_those_of_the_data_set(
    dataset: str, tmp_path: Path
) -> None:
    table = drawn(tmp_path, dataset, distance=0.6)
    pictures = pictures_of(dataset=dataset, sampling=SAMPLING, drawn=settings(0.6), seed=1)
    own = draw_pictures(pictures, distance=distance_of(dataset, settings(0.6)), seed=1)
    read = np.stack([image[..., ::-1] for image in images(tmp_path)])
    np.testing.assert_array_equal(own.images, read)
    table = table.drop(columns=["split", "race_raw"])  # nobody's race: None, or missing text
    pd.testing.assert_frame_equal(own.faces.drop(columns="race_raw"), table)
    np.testing.assert_array_equal(own.landmarks[7].ravel(), table["landmarks"][7])
    part = draw_pictures(pictures[20:23], distance=distance_of(dataset, settings(0.6)), seed=1)
    np.testing.assert_array_equal(part.images, read[20:23], "alone as in the whole")


def test_in_another_style_the_same_persons_look_the_same_and_their_pictures_do_not() -> None:
    """What does not depend on the style: who they are, their smile, and their face's shape."""
    pictures = pictures_of(dataset="target", sampling=SAMPLING, drawn=settings(), seed=1)
    far, near = (draw_pictures(pictures, distance=distance, seed=1) for distance in (1.0, 0.0))
    assert far.images.shape == (60, 218, 178, 3)
    assert near.images.shape == (60, 200, 200, 3)
    truth = far.faces.columns.drop("landmarks")
    pd.testing.assert_frame_equal(far.faces[truth], near.faces[truth])
    plain = style_at(0.0)
    other = replace(TARGET, yaw=plain.yaw)  # yaw moves what lies further forward: all else is rigid
    shapes = []
    for style in (plain, other):
        points = [drawn_landmarks(picture, style) for picture in pictures[:20]]
        shapes.append([unplaced(one) for one in points])
    np.testing.assert_allclose(shapes[0], shapes[1], atol=1e-4)


def drawn_landmarks(picture: Picture, style: Style) -> np.ndarray:
    _, row = drawn_collection._drawn(picture, style, 1)
    return np.asarray(row["landmarks"], float).reshape(68, 2)


def unplaced(points: np.ndarray) -> np.ndarray:
    """Points without their place, size and roll: complex numbers, from the first to the last."""
    places = points[:, 0] + 1j * points[:, 1]
    return (places - places[0]) / (places[16] - places[0])


def test_fresh_persons_are_in_no_part_of_the_data_set_and_more_begin_with_the_same() -> None:
    def fresh(persons: int) -> list[Picture]:
        return fresh_pictures(
            dataset="target", sampling=SAMPLING, drawn=settings(), seed=1, persons=persons
        )

    pictures = pictures_of(dataset="target", sampling=SAMPLING, drawn=settings(), seed=1)
    few, many = fresh(10), fresh(400)
    assert many[:10] == few
    assert len({picture.subject_id for picture in many}) == 400
    for name in ("subject_id", "face_id", "path", "person"):
        assert not {getattr(one, name) for one in many} & {getattr(one, name) for one in pictures}
    share = np.mean([picture.truth["group"] == "A" for picture in many])
    assert abs(share - 0.5) < 4 * np.sqrt(0.25 / 400), "the same mixture of groups"


def test_fresh_faces_are_the_same_new_persons_in_either_style(tmp_path: Path) -> None:
    tables = {}
    for style in ("source", "target"):
        draw_fresh_faces(
            faces=tmp_path / f"{style}.parquet",
            images=tmp_path / f"{style}.zip",
            sampling=SAMPLING,
            drawn=settings(),
            known_truth=KnownTruth(persons=5, both_styles=9),
            style=style,
            seed=1,
        )
        tables[style] = read_table(tmp_path / f"{style}.parquet", FACES)
        fresh = fresh_pictures(
            dataset="target", sampling=SAMPLING, drawn=settings(), seed=1, persons=5
        )
        drawings = draw_pictures(fresh, distance=float(style == "target"), seed=1)
        with zipfile.ZipFile(tmp_path / f"{style}.zip") as archive:
            stored = [decoded(archive.read(path), path, 10**6) for path in archive.namelist()]
        np.testing.assert_array_equal(np.stack(stored), drawings.images)
    assert set(tables["source"]["split"]) == {"test"}
    known = ["face_id", "subject_id", "group", "age"]
    pd.testing.assert_frame_equal(tables["source"][known], tables["target"][known])


@pytest.mark.parametrize("dataset", ["source", "target"])
def test_the_default_studys_test_parts_have_one_picture_a_person(
    dataset: str, tmp_path: Path
) -> None:
    study = load(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    given = study.datasets[dataset]
    sampling = Sampling(given.faces, given.split)
    draw_faces(
        faces=tmp_path / "faces.parquet",
        images=tmp_path / "images.zip",
        rejected=tmp_path / "rejected.csv",
        sampling=sampling,
        drawn=study.acquire.drawn,
        dataset=dataset,
        seed=study.seed,
    )
    faces = read_table(tmp_path / "faces.parquet", FACES)
    assert len(faces) == given.faces
    of = {part: rows["subject_id"] for part, rows in faces.groupby("split")}
    assert len(of["test"]) == of["test"].nunique() == given.split.test
    assert len(of["train"]) == given.split.train
    others = pd.concat([of[part] for part in of if part != "test"])
    assert not set(of["test"]) & set(others)
    assert others.value_counts().mean() > 1.8, "the others have several: labels by person"
    fresh = fresh_pictures(
        dataset=dataset, sampling=sampling, drawn=study.acquire.drawn, seed=1, persons=9
    )
    assert not {picture.subject_id for picture in fresh} & set(faces["subject_id"])


def test_no_pictures_to_draw_are_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        draw_pictures([], distance=0.0, seed=1)


def test_the_group_distance_moves_bs_mean_face_from_as_to_its_own() -> None:
    """With the same random numbers; everything else of a person is the same at any distance."""
    faces = {
        (name, distance): persons._person(np.random.default_rng(5), name, distance)[0]
        for name in GROUPS
        for distance in (0.0, 0.25, 1.0)
    }
    for distance in (0.0, 0.25, 1.0):
        one, other = faces["A", distance], faces["B", distance]
        assert one == faces["A", 1.0], "A's faces stay"
        for name, (a, b) in SHAPE.items():
            moved = getattr(other, name) - getattr(one, name)
            assert moved == pytest.approx(distance * (b - a), abs=1e-12)
        tones = [np.array(face.skin) for face in (one, other)]
        moved = distance * (np.array(TONE["B"]) - np.array(TONE["A"]))
        np.testing.assert_allclose(tones[1] - tones[0], moved, atol=1e-9)
        own, others = sorted(BROWS, key=lambda brows: brows != one.brow_thickness)
        assert other.brow_thickness == pytest.approx((1 - distance) * own + distance * others)
        redness = [face.lips[1] for face in (one, other)]
        apart = distance * (LIPS[0][1] - LIPS[1][1])
        assert redness[1] - redness[0] == pytest.approx(apart if own == max(BROWS) else -apart)
        same = ("skin", "brow_thickness", "lips", *SHAPE)
        assert replace(other, **{name: getattr(one, name) for name in same}) == one
    assert faces["A", 0.0] == faces["B", 0.0]


def test_at_group_distance_1_each_group_has_its_own_mean_face() -> None:
    for group, number in zip(GROUPS, (0, 1), strict=True):
        drawn_faces = [persons._person(np.random.default_rng(k), group, 1.0) for k in range(400)]
        women = [face for face, truth in drawn_faces if truth["gender"] == "female"]
        for name, base, spread in (("eye_distance", 0.42, 0.01), ("jaw", 0.81, 0.025)):
            mean = np.mean([getattr(face, name) for face in women])
            error = spread / np.sqrt(len(women))
            assert abs(mean - base - SHAPE[name][number]) < 4 * error


def accuracy(groups: float) -> float:
    """Of a classifier on pixels, trained on half of 600 persons and tested on the others."""
    pictures = fresh_pictures(
        dataset="source", sampling=SAMPLING, drawn=settings(groups=groups), seed=7, persons=600
    )
    drawings = draw_pictures(pictures, distance=0.0, seed=7)
    points, shades = drawings.landmarks, drawings.images.astype(np.float32)
    crops = [
        cv2.warpAffine(image, affine(one), (24, 24), flags=cv2.INTER_AREA)
        for image, one in zip(shades, points, strict=True)
    ]
    features = np.stack(crops).reshape(600, -1)
    inside = (drawings.faces["group"] == "A").to_numpy()
    model = make_pipeline(
        StandardScaler(), PCA(60, random_state=0), LogisticRegression(max_iter=1000)
    )
    model.fit(features[:300], inside[:300])
    return float(model.score(features[300:], inside[300:]))


def affine(points: np.ndarray) -> np.ndarray:
    """Eyes and chin at fixed places of 24 pixels, so that a classifier on pixels sees the face."""
    seen = np.array([points[36:42].mean(0), points[42:48].mean(0), points[8]], np.float32)
    return cv2.getAffineTransform(seen, np.array([[7, 8], [17, 8], [12, 22]], np.float32))


def test_at_group_distance_0_a_classifier_on_pixels_is_at_chance_and_at_1_it_is_not() -> None:
    assert binomtest(round(300 * accuracy(0.0)), 300).pvalue > 0.001
    assert accuracy(1.0) > 0.9


def test_every_parameter_is_in_the_docs() -> None:
    text = DOCS.read_text()
    for kind in (Face, Style):
        for field in fields(kind):
            assert f"`{field.name}`" in text, field.name
