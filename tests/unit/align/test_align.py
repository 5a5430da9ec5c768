"""Drawn faces through the stage: found, level, in order, the same in any cut of the work."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import cv2
import mediapipe
import numpy as np
import pandas as pd
import pytest
from crops import CROPS
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from facegap.align import geometry, memory, shards
from facegap.align.gather import gather_shards
from facegap.align.landmarks import (
    MOST_FACES,
    TABLE,
    Found,
    chosen,
    expression,
    open_landmarker,
    pose,
    raw_faces,
)
from facegap.crops import Crops
from facegap.errors import AssetError, DataError
from facegap.images import open_images
from facegap.settings.align import Align as Settings
from facegap.tables.acquire import FACES, REJECTED
from facegap.tables.align import ALIGNED, LANDMARKS, MEASURES
from facegap.tables.base import read_table, write_table

WRITTEN = Settings(crops=CROPS).crops.written()

Align = Callable[..., Path]


class Drawn(Protocol):
    faces: Path
    images: Path
    table: pd.DataFrame


def points(folder: Path, shard: int = 0) -> np.ndarray:
    """(n, 68, 2)."""
    table = read_table(folder / f"landmarks-{shard}.parquet", LANDMARKS)
    return np.array(table["landmarks"].to_list(), np.float32).reshape(-1, 68, 2)


def tilt(face: np.ndarray) -> float:
    """Degrees of the line between the eyes."""
    x, y = face[42:48].mean(axis=0) - face[36:42].mean(axis=0)
    return float(np.degrees(np.arctan2(y, x)))


@pytest.fixture(scope="session")
def whole(aligned: Align, drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn collection, aligned in one shard."""
    return aligned(drawn, tmp_path_factory.mktemp("aligned"))


def test_every_drawn_face_is_found_where_it_was_drawn(whole: Path, drawn: Drawn) -> None:
    found, truth = points(whole), np.stack(drawn.table["landmarks"].to_list()).reshape(-1, 68, 2)
    assert len(found) == len(truth)
    eyes = np.linalg.norm(truth[:, 42:48].mean(axis=1) - truth[:, 36:42].mean(axis=1), axis=1)
    misses = np.linalg.norm(found - truth, axis=2) / eyes[:, None]
    assert misses[:, 36:48].mean() < 0.1
    assert misses.mean() < 0.2
    turned = np.array([tilt(a) - tilt(b) for a, b in zip(found, truth, strict=True)])
    assert np.median(np.abs(turned)) < 1


def test_eyes_are_level_when_searched_again(whole: Path, model: Path) -> None:
    crops = Crops([whole / "ears-chin-0.npy"])
    with open_landmarker(model, 0.5) as find:
        again = [chosen(find(crop), crop.shape, "nearest") for crop in crops.take(range(30))]
    tilts = np.array([tilt(face.points) for face in again if face is not None])
    assert len(tilts) > 20
    assert np.median(np.abs(tilts)) < 1


def test_row_i_is_row_i_of_every_crop(whole: Path, drawn: Drawn) -> None:
    table = read_table(whole / "landmarks-0.parquet", LANDMARKS)
    assert table["face_id"].to_list() == drawn.table["face_id"].to_list()
    arrays = {crop: Crops([whole / f"{crop}-0.npy"]) for crop in CROPS}
    assert {crop: array.shape for crop, array in arrays.items()} == {
        "none": (30, 64, 64, 3),
        "ears-chin": (30, 128, 128, 3),
        "openface": (30, 96, 96, 3),
        "openface-similarity": (30, 112, 112, 3),
        "centre": (30, 64, 64, 3),
    }
    with open_images(drawn.images) as images:
        for row in (0, 17, 29):
            image, face = images.read(drawn.table["path"][row]), points(whole)[row]
            for crop, array in arrays.items():
                expected = geometry.cut(image, face, crop, WRITTEN[crop])
                np.testing.assert_array_equal(array.take([row])[0], expected)


def contents(folder: Path, shards: int) -> dict[str, Any]:
    """What the shards in `folder` hold together."""
    numbers = range(shards)
    crops = {crop: Crops([folder / f"{crop}-{k}.npy" for k in numbers]) for crop in CROPS}
    rejected = [read_table(folder / f"rejected-{k}.csv", REJECTED) for k in numbers]
    return {
        **{crop: array.take(range(len(array))).tobytes() for crop, array in crops.items()},
        "points": np.concatenate([points(folder, k) for k in numbers]).tobytes(),
        "measures": pd.concat(
            read_table(folder / f"measures-{k}.parquet", MEASURES) for k in numbers
        ).to_csv(index=False),
        "thumbnails": b"".join(np.load(folder / f"rejected-{k}.npy").tobytes() for k in numbers),
        "rejected": pd.concat(rejected).to_csv(index=False),
    }


@pytest.fixture(scope="session")
def spoilt(drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Eight of the drawn faces, of which five cannot be used; the first two are among these."""
    folder = tmp_path_factory.mktemp("spoilt")
    table = drawn.table.head(8)
    plain = np.full((80, 80, 3), 90, np.uint8)
    with (
        zipfile.ZipFile(drawn.images) as source,
        zipfile.ZipFile(folder / "images.zip", "w") as target,
    ):
        for row, path in enumerate(table["path"]):
            data = source.read(path)
            bad = {0: data[:900], 1: b"", 4: png(plain), 7: png(plain[:1, :1])}
            if row != 6:
                target.writestr(path, bad.get(row, data))
    write_table(table, folder / "faces.parquet", FACES)
    return type(drawn)(folder / "faces.parquet", folder / "images.zip")  # type: ignore[call-arg]


def test_faces_that_cannot_be_used_are_listed_with_the_reason(
    aligned: Align, spoilt: Drawn, tmp_path: Path
) -> None:
    folder = aligned(spoilt, tmp_path)
    rejected = read_table(folder / "rejected-0.csv", REJECTED)
    reasons = {0: "truncated", 1: "empty file, zero bytes", 4: "no face found", 6: "missing"}
    reasons[7] = "no face found"
    assert rejected["reason"].to_list() == list(reasons.values())
    assert rejected["face_id"].to_list() == [spoilt.table["face_id"][row] for row in reasons]
    assert rejected["path"].to_list() == [spoilt.table["path"][row] for row in reasons]
    assert len(Crops([folder / "none-0.npy"])) == 3
    pictures = np.load(folder / "rejected-0.npy")
    assert pictures.shape == (5, 96, 96, 3)
    assert [int(picture.mean()) for picture in pictures] == [238, 238, 90, 238, 90]


def png(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def measures(folder: Path) -> pd.DataFrame:
    return read_table(folder / "measures-0.parquet", MEASURES).set_index("face_id")


def test_faces_are_measured_as_they_were_drawn(whole: Path, drawn: Drawn) -> None:
    found = measures(whole)
    truth = np.stack(drawn.table["landmarks"].to_list()).reshape(-1, 68, 2)
    assert np.abs(found["roll"] - [tilt(face) for face in truth]).median() < 1.5
    sizes = np.array([geometry.face_size(face) for face in truth])
    assert np.abs(found["size"] / sizes - 1).median() < 0.15
    assert found["faces"].eq(1).all()
    assert found["aligned"].all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("size", "face smaller than"),
        ("sharpness", "face blurred: sharpness below"),
        ("yaw", "face turned: yaw beyond"),
        ("pitch", "face turned: pitch beyond"),
        ("roll", "face turned: roll beyond"),
    ],
)
def test_a_limit_rejects_faces_with_the_reason(
    aligned: Align, drawn: Drawn, whole: Path, tmp_path: Path, name: str, reason: str
) -> None:
    found = measures(whole)[name].abs()
    limit = float(found.median())
    shutil.copy(whole / "found-0.parquet", tmp_path)
    folder = aligned(drawn, tmp_path, limits={name: limit})
    beyond = found < limit if name in ("size", "sharpness") else found > limit
    rejected = read_table(folder / "rejected-0.csv", REJECTED)
    assert rejected["face_id"].tolist() == found.index[beyond].tolist()
    assert rejected["reason"].str.startswith(reason).all()
    assert measures(folder)["aligned"].tolist() == (~beyond).tolist()


def test_another_crop_needs_no_new_detection(
    aligned: Align, drawn: Drawn, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(whole / "found-0.parquet", tmp_path)
    searches = tmp_path / "searches"  # a file, since the search runs in another process
    searches.write_bytes(b"")

    def search(_: np.ndarray) -> tuple[Found, ...]:
        with searches.open("ab") as file:
            file.write(b".")
        return ()

    @contextmanager
    def counting(*_: object) -> Iterator[Callable[[np.ndarray], tuple[Found, ...]]]:
        yield search

    monkeypatch.setattr(shards, "open_landmarker", counting)
    folder = aligned(drawn, tmp_path, crops={"ears-chin": {"size": 32, "margin": 0.2}})
    assert searches.stat().st_size == 0
    assert len(Crops([folder / "ears-chin-0.npy"])) == 30
    np.testing.assert_array_equal(points(folder), points(whole))

    with zipfile.ZipFile(drawn.images) as source, zipfile.ZipFile(tmp_path / "i.zip", "w") as other:
        for k, path in enumerate(drawn.table["path"]):
            other.writestr(path, source.read(drawn.table["path"][0] if k == 3 else path))
    changed = type(drawn)(drawn.faces, tmp_path / "i.zip")  # type: ignore[call-arg]
    aligned(changed, tmp_path, crops={"none": {"size": 32}})
    assert searches.stat().st_size == 1, "the image that is another"
    other_code = [{"align/landmarks.py": "another"}]
    monkeypatch.setattr(memory, "digests", lambda modules: other_code)
    aligned(changed, tmp_path, crops={"none": {"size": 32}})
    assert searches.stat().st_size == 1 + 30, "the code that finds faces is another"


@pytest.mark.parametrize("number", [3, 11])
def test_the_cut_into_shards_changes_nothing(
    aligned: Align, spoilt: Drawn, tmp_path: Path, number: int
) -> None:
    one = contents(aligned(spoilt, tmp_path / "one"), 1)
    for shard in range(number):
        aligned(spoilt, tmp_path / "cut", shard, number)
    assert contents(tmp_path / "cut", number) == one


def test_work_beside_it_changes_no_byte(
    aligned: Align, drawn: Drawn, whole: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(3) as pool:
        beside = list(pool.map(lambda name: aligned(drawn, tmp_path / name), "abc"))
    for folder in beside:
        for file in sorted(whole.iterdir()):
            assert (folder / file.name).read_bytes() == file.read_bytes()


def test_a_failure_leaves_nothing_behind(aligned: Align, drawn: Drawn, tmp_path: Path) -> None:
    (tmp_path / "words.task").write_text("no model")
    for model in ("words.task", "nothing.task"):
        with pytest.raises(AssetError, match=model):
            aligned(drawn, tmp_path / "out", model=tmp_path / model)
    assert not list((tmp_path / "out").rglob("*"))


def gather(drawn: Drawn, folder: Path, shards: int) -> Path:
    gather_shards(
        faces=drawn.faces,
        shard_landmarks=[folder / f"landmarks-{k}.parquet" for k in range(shards)],
        shard_measures=[folder / f"measures-{k}.parquet" for k in range(shards)],
        shard_rejected=[folder / f"rejected-{k}.csv" for k in range(shards)],
        shard_thumbnails=[folder / f"rejected-{k}.npy" for k in range(shards)],
        aligned=folder / "faces.parquet",
        landmarks=folder / "landmarks.parquet",
        measures=folder / "measures.parquet",
        rejected=folder / "rejected.csv",
        thumbnails=folder / "rejected.npy",
    )
    return folder


def test_the_gathered_tables_follow_the_shards(
    aligned: Align, spoilt: Drawn, tmp_path: Path
) -> None:
    for shard in range(4):
        aligned(spoilt, tmp_path, shard, 4)
    gather(spoilt, tmp_path, 4)
    table = read_table(tmp_path / "faces.parquet", ALIGNED)
    good = [spoilt.table["face_id"][row] for row in (2, 3, 5)]
    assert table["face_id"].to_list() == good
    assert table["row"].to_list() == [0, 1, 2]
    marks = read_table(tmp_path / "landmarks.parquet", LANDMARKS)
    assert marks["face_id"].to_list() == good
    assert len(read_table(tmp_path / "rejected.csv", REJECTED)) == 5


def test_a_lost_face_is_an_error(aligned: Align, spoilt: Drawn, tmp_path: Path) -> None:
    for shard in range(2):
        aligned(spoilt, tmp_path, shard, 2)
    with pytest.raises(DataError, match="not the faces that were aligned"):
        gather(spoilt, tmp_path, 1)


def test_no_aligned_face_is_an_error(aligned: Align, spoilt: Drawn, tmp_path: Path) -> None:
    aligned(spoilt, tmp_path, max_pixels=100)
    with pytest.raises(DataError, match=r"none of its 8 faces could be aligned \(178 x 218"):
        gather(spoilt, tmp_path, 1)


def test_which_of_two_faces() -> None:
    others = np.zeros(3, np.float32), np.zeros(2, np.float32)
    near = Found(np.array([[40.0, 40], [60, 60]], np.float32), *others)
    large = Found(np.array([[0.0, 0], [50, 50]], np.float32), *others)
    assert chosen([large, near], (100, 100, 3), "nearest") is near
    assert chosen([near, large], (100, 100, 3), "largest") is large
    assert chosen([], (100, 100, 3), "nearest") is None


def test_of_many_faces_the_middle_one_is_chosen(model: Path, drawn: Drawn) -> None:
    with open_images(drawn.images) as images:
        faces = [images.read(path) for path in drawn.table["path"][:9]]
    rows = [np.concatenate(faces[k : k + 3], axis=1) for k in (0, 3, 6)]
    picture = np.concatenate(rows)
    with open_landmarker(model, 0.5) as find:
        found = find(picture)
        face = chosen(found, picture.shape, "nearest")
        alone = chosen(find(faces[4]), faces[4].shape, "nearest")
    assert len(found) > 5
    assert face is not None
    assert alone is not None
    middle = alone.points + np.array(faces[4].shape[1::-1])
    assert np.abs(face.points - middle).mean() < 8


@pytest.mark.parametrize(("turned", "angle"), [("yaw", 20), ("pitch", 15), ("roll", -25)])
def test_the_signs_of_the_pose_are_those_promised(turned: str, angle: float) -> None:
    """x to the right of the image, y down, z away from the camera."""
    a = np.radians(angle)
    about = {  # what points out of the face, (0, 0, -1), goes right, up; the left eye goes down
        "yaw": [[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]],
        "pitch": [[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]],
        "roll": [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]],
    }
    mesh = np.zeros((478, 3))
    eyes, forehead, chin = [[-1, 0, 0], [1, 0, 0]], [0, -1, 0], [0, 1, 0]
    mesh[[33, 263, 10, 152]] = [*eyes, forehead, chin]
    level = pose(mesh, (1, 1))
    found = pose(mesh @ np.transpose(about[turned]), (1, 1)) - level
    expected = [angle if name == turned else 0.0 for name in ("yaw", "pitch", "roll")]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_table_of_landmarks_is_symmetric_in_the_mean(whole: Path) -> None:
    """Mirrored points lie mirrored about the line of the nose, on average over the faces."""
    pairs = [
        *zip(range(8), range(16, 8, -1), strict=True),
        *zip(range(17, 22), range(26, 21, -1), strict=True),
        *((36, 45), (39, 42), (48, 54), (31, 35)),
    ]
    assert len(TABLE) == 68
    level = np.stack([geometry.ears_chin(face, 100) for face in points(whole)])
    mean = np.mean(
        [np.c_[f, np.ones(68)] @ m.T for f, m in zip(points(whole), level, strict=True)], axis=0
    )
    right, left = mean[[a for a, _ in pairs]], mean[[b for _, b in pairs]]
    assert np.abs(right[:, 1] - left[:, 1]).max() < 5
    assert np.ptp(right[:, 0] + left[:, 0]) < 8


def sealed(what: object) -> subprocess.CompletedProcess[str]:
    """Align, or open a socket, in a process that the kernel ends when it opens one."""
    return subprocess.run(
        [sys.executable, Path(__file__).with_name("sealed.py"), json.dumps(what)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )


def test_aligning_opens_no_connection(model: Path, drawn: Drawn, tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux can forbid a process to open sockets")
    guard = sealed("socket")
    if guard.returncode == 77:
        pytest.skip("this machine does not let a process forbid itself sockets")
    assert guard.returncode < 0, "the guard has to end a process that opens a socket"

    run = sealed(
        {
            "faces": str(drawn.faces),
            "images": str(drawn.images),
            "model": str(model),
            "arrays": [str(tmp_path / f"{crop}.npy") for crop in WRITTEN],
            "landmarks": str(tmp_path / "landmarks.parquet"),
            "measures": str(tmp_path / "measures.parquet"),
            "rejected": str(tmp_path / "rejected.csv"),
            "thumbnails": str(tmp_path / "rejected.npy"),
            "shard": 0,
            "settings": {"shards": 3, "crops": CROPS},
        }
    )

    assert run.returncode == 0, run.stderr[-2000:]
    assert len(Crops([tmp_path / "none.npy"])) == 10


def test_what_is_found_is_what_the_landmarkers_own_call_finds(drawn: Drawn, model: Path) -> None:
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        num_faces=MOST_FACES,
        output_face_blendshapes=True,
    )
    with open_images(drawn.images) as images:
        faces = [images.read(path) for path in drawn.table["path"][:4]]
    pictures = [faces[0], np.hstack(faces[1:3]), np.zeros_like(faces[3])]
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for picture, count in zip(pictures, (1, 2, 0), strict=True):
            result = landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, picture))
            found = raw_faces(landmarker, picture)
            assert len(found) == len(result.face_landmarks) == count
            parts = (found, result.face_landmarks, result.face_blendshapes)
            for face, landmarks, shapes in zip(*parts, strict=True):
                np.testing.assert_array_equal(face.mesh, [(v.x, v.y, v.z) for v in landmarks])
                scores = {shape.category_name: shape.score for shape in shapes}
                assert face.blendshapes == pytest.approx(scores)
                blink, smile = expression(face.blendshapes)
                both = scores["eyeBlinkLeft"] + scores["eyeBlinkRight"]
                assert blink == pytest.approx(both / 2)
                assert 0 <= smile <= 1


@pytest.mark.parametrize("step", ["_read", "_searched", "_written"])
def test_a_failure_in_the_middle_ends_the_job(
    aligned: Align, drawn: Drawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    numbers, whole_step = iter(range(30)), getattr(shards, step)

    def failing(*given: Any) -> shards.Face:
        if next(numbers) == 20:
            raise ZeroDivisionError
        face: shards.Face = whole_step(*given)
        return face

    monkeypatch.setattr(shards, step, failing)
    with pytest.raises(ZeroDivisionError):
        aligned(drawn, tmp_path)
    assert not list(tmp_path.rglob("*.npy"))


def test_a_long_picture_is_searched_where_it_is_too_long_for_native_code(
    model: Path, drawn: Drawn
) -> None:
    """Points are in the picture's own pixels; alone and behind 40,000 rows of grey they agree."""
    with open_images(drawn.images) as images:
        face = cv2.resize(images.read(drawn.table["path"][0]), (712, 872))
    grey = np.full((400, 712, 3), 120, np.uint8)
    short = np.concatenate([face, grey])
    with open_landmarker(model, 0.5) as find:
        for shape in ((40_000, 1080), (1, 40_000), (40_000, 1)):
            assert find(np.full((*shape, 3), 200, np.uint8)) == ()
        (alone,) = find(short)
    wide = np.full((2, 33_000, 3), 7, np.uint8)
    wide[:, -9:] = 200
    for crop in WRITTEN.values():
        cut = geometry.resized(geometry.squared(wide, getattr(crop, "fit", "squeeze")), crop.size)
        assert cut.shape == (crop.size, crop.size, 3)
    assert geometry.shortened(short, 1272) is short
    scaled = geometry.shortened(short, 636)
    assert scaled.shape == (636, 356, 3)
    with open_landmarker(model, 0.5) as find:
        (half,) = find(scaled)
    assert np.abs(2 * half.points + 0.5 - alone.points).mean() < 4


@pytest.mark.parametrize("fit", ["squeeze", "crop", "pad"])
@pytest.mark.parametrize("shape", [(1, 3_000_000), (3_000_000, 1), (40_000, 20)])
def test_the_longest_pictures_have_crops_in_little_memory(
    fit: str, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    resize, canvases = cv2.resize, list[int]()

    def noting(image: NDArray[np.uint8], canvas: tuple[int, int], **more: int) -> object:
        canvases.append(canvas[0] * canvas[1])
        return resize(image, canvas, **more)

    monkeypatch.setattr(cv2, "resize", noting)
    image = np.full((*shape, 3), 90, np.uint8)
    crop = geometry.resized(geometry.squared(image, fit), 200)
    assert crop.shape == (200, 200, 3)
    assert crop.max() == 90 or fit == "pad"  # where a line of pixels is lost in black
    assert max(canvases) < 3e8


@pytest.mark.parametrize("deadly", [(0,), (2, 3, 7), tuple(range(8))])
def test_a_picture_that_native_code_dies_of_ends_no_other(
    aligned: Align,
    drawn: Drawn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deadly: tuple[int, ...],
) -> None:
    """In the middle of writing its crops, too."""
    table = drawn.table.head(8)
    write_table(table, tmp_path / "faces.parquet", FACES)
    eight = type(drawn)(tmp_path / "faces.parquet", drawn.images)  # type: ignore[call-arg]
    expected = contents(aligned(eight, tmp_path / "sound"), 1)
    written = shards._written

    def dying(face: shards.Face, arrays: shards.Written) -> shards.Face:
        if face.face_id in set(table["face_id"].iloc[list(deadly)]) and face.crops:
            arrays.crops[0].write(face.crops[0])
            os.abort()
        return written(face, arrays)

    monkeypatch.setattr(shards, "_written", dying)
    found = contents(aligned(eight, tmp_path / "out"), 1)
    rejected = read_table(tmp_path / "out/rejected-0.csv", REJECTED)
    assert rejected["face_id"].tolist() == table["face_id"].iloc[list(deadly)].tolist()
    assert set(rejected["reason"]) == {"native code ended on it (SIGABRT)"}
    rows = np.delete(np.arange(8), deadly)
    for name, crop in WRITTEN.items():
        size = 3 * crop.size**2
        left = [expected[name][row * size : (row + 1) * size] for row in rows]
        assert found[name] == b"".join(left)
    assert len(np.load(tmp_path / "out/rejected-0.npy")) == len(deadly)
