"""The 68 landmarks of the field, from MediaPipe's 478."""

import ctypes
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarkerResultC
from numpy.typing import NDArray

from facegap.align.geometry import LONGEST, shortened
from facegap.errors import AssetError

MOST_FACES = 20  # looked for in one image, to choose one from; of more, any may be left out

# Vertices of MediaPipe's face mesh whose mean is the landmark, in the order of dlib's 68 points
# (iBUG 300-W), "right" being the person's. Brows to lips: P. Yan, Mediapipe_2_Dlib_Landmarks
# (GitHub, 2024), first version. Jaw: the vertex, or the mean of two neighbours, of MediaPipe's
# own face oval that is nearest to dlib's point on 288 real faces, the same on both sides; on 288
# others its mean distance to dlib's is 9.0% of that between the eyes, Yan's is 13.3%.
TABLE: tuple[tuple[int, ...], ...] = (
    *((127,), (234, 93), (93, 132), (132, 58), (172,), (136, 150), (149,), (176, 148)),  # jaw
    *((152,), (400, 377), (378,), (365, 379), (397,), (361, 288), (323, 361), (454, 323), (356,)),
    *((70,), (63,), (105,), (66,), (107,)),  # right brow
    *((336,), (296,), (334,), (293,), (300,)),  # left brow
    *((168, 6), (197, 195), (5,), (4,)),  # bridge of the nose
    *((75,), (97,), (2,), (326,), (305,)),  # below the nose
    *((33,), (160,), (158,), (133,), (153,), (144,)),  # right eye
    *((362,), (385,), (387,), (263,), (373,), (380,)),  # left eye
    *((61,), (39,), (37,), (0,), (267,), (269,), (291,)),  # upper lip, outside
    *((321,), (314,), (17,), (84,), (91,)),  # lower lip, outside
    *((78,), (82,), (13,), (312,), (308,), (317,), (14,), (87,)),  # lips, inside
)
_ENDS = [vertices[0] for vertices in TABLE] + [vertices[-1] for vertices in TABLE]

# Outer corner of the right and of the left eye, top of the forehead, chin: the axes of a head.
_AXES = [33, 263, 10, 152]
# The plane through these leans so far back, in degrees, when the face looks straight ahead: median
# of the difference to MediaPipe's own pose, which takes longer, on 150 real faces (correlation of
# yaw 0.998, of pitch 0.992).
_LEANING = 5.5


Mesh = NDArray[np.float64]  # (478, 3): x and y in widths and heights of the image, z in widths
Points = NDArray[np.float32]

# Scores of expressions that the landmarker gives, 0 to 1, each the mean of the person's two sides.
EXPRESSIONS = {
    "blink": ("eyeBlinkLeft", "eyeBlinkRight"),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
}


@dataclass(frozen=True)
class Found:
    """A face of an image, as the landmarker has it.

    68 points (68, 2), in pixels; yaw, pitch, roll (3,); the scores of EXPRESSIONS (2,).
    """

    points: Points
    pose: Points
    expression: Points


@dataclass(frozen=True)
class Raw:
    """A face's mesh, and its blendshapes by name."""

    mesh: Mesh
    blendshapes: Mapping[str, float]


Finder = Callable[[NDArray[np.uint8]], tuple[Found, ...]]


@contextmanager
def open_landmarker(model: str | Path, confidence: float) -> Iterator[Finder]:
    """A function from an image, uint8 (h, w, 3) RGB, to its faces.

    Points are x and y in pixels, whole numbers being the middle of a pixel.
    `model` is MediaPipe's face_landmarker.task; an `AssetError` names a file that is none.
    """
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(model)),
        num_faces=MOST_FACES,
        min_face_detection_confidence=confidence,
        output_face_blendshapes=True,
    )
    try:
        landmarker = vision.FaceLandmarker.create_from_options(options)
    except (OSError, RuntimeError, ValueError) as error:
        raise AssetError(f"{model}: no model of the face landmarker: {error}") from error

    def find(image: NDArray[np.uint8]) -> tuple[Found, ...]:
        return tuple(
            Found(
                sixty_eight(face.mesh, image.shape),
                pose(face.mesh, image.shape),
                expression(face.blendshapes),
            )
            for face in raw_faces(landmarker, shortened(image, LONGEST))
        )

    try:
        yield find
    finally:
        landmarker.close()  # its own threads; left to the interpreter's end, it fails


def raw_faces(landmarker: vision.FaceLandmarker, image: NDArray[np.uint8]) -> list[Raw]:
    """Mesh and blendshapes of each face that `landmarker.detect` finds in `image` (h, w, 3) RGB.

    The same call of MediaPipe's C library (0.10.33; other releases may name it otherwise), whose
    numbers are copied at once. `detect` makes a Python object of each vertex: half a millisecond
    a face in which no other thread can run.
    """
    picture = mediapipe.Image(mediapipe.ImageFormat.SRGB, image)
    library, result = landmarker._lib, FaceLandmarkerResultC()
    library.MpFaceLandmarkerDetectImage(
        landmarker._handle, picture._image_ptr, None, ctypes.byref(result)
    )
    try:
        return [
            Raw(
                _coordinates(face.landmarks, face.landmarks_count),
                _scores(result.face_blendshapes[k]) if k < result.face_blendshapes_count else {},
            )
            for k in range(result.face_landmarks_count)
            for face in [result.face_landmarks[k]]
        ]
    finally:
        library.MpFaceLandmarkerCloseResult(ctypes.byref(result))


def _coordinates(vertices: Any, count: int) -> Mesh:
    """x, y and z, the first fields of each of `count` structs of whole floats' size."""
    fields = ctypes.sizeof(vertices.contents) // ctypes.sizeof(ctypes.c_float)
    numbers = ctypes.cast(vertices, ctypes.POINTER(ctypes.c_float))
    return np.ctypeslib.as_array(numbers, (count, fields))[:, :3].astype(np.float64)


def _scores(shapes: Any) -> dict[str, float]:
    """The blendshapes' scores by name, of a C list of categories."""
    each = (shapes.categories[k] for k in range(shapes.categories_count))
    return {category.category_name.decode(): float(category.score) for category in each}


def expression(blendshapes: Mapping[str, float]) -> Points:
    """The scores of EXPRESSIONS (2,), float32; NaN where the landmarker gives none."""
    missing = float("nan")
    means = [
        sum(blendshapes.get(name, missing) for name in names) / len(names)
        for names in EXPRESSIONS.values()
    ]
    return np.array(means, dtype=np.float32)


def sixty_eight(mesh: Mesh, shape: tuple[int, ...]) -> Points:
    """The 68 points (68, 2), in pixels of an image of `shape` (h, w, ...), of a mesh."""
    ends = mesh[_ENDS, :2].reshape(2, 68, 2)
    points: Points = (ends.mean(axis=0) * [shape[1], shape[0]] - 0.5).astype(np.float32)
    return points


def pose(mesh: Mesh, shape: tuple[int, ...]) -> Points:
    """Yaw, pitch and roll (3,) in degrees, of a mesh in an image of `shape` (h, w, ...).

    Of the plane through the eyes' outer corners, forehead and chin, by the mesh's own depth: yaw
    is positive where the face looks to the right of the image, pitch where it looks up, roll
    where its left eye is the lower one.
    """
    height, width = shape[:2]
    right, left, top, chin = mesh[_AXES, :] * [width, height, width]
    across, down = left - right, chin - top
    x, y, z = np.cross(down, across)  # out of the face; z is towards the camera where negative
    angles = np.arctan2([x, -y, across[1]], [-z, np.hypot(x, z), across[0]])
    degrees: Points = (np.degrees(angles) + np.array([0, _LEANING, 0])).astype(np.float32)
    return degrees


def chosen(faces: Iterable[Found], shape: tuple[int, ...], face: str) -> Found | None:
    """The face of an image of `shape` (h, w, ...) to align, or none when there is none.

    `face` is nearest (the middle of its box nearest to the image's middle) or largest (its box).
    """
    if face == "largest":
        return max(faces, key=lambda f: float(np.ptp(f.points, axis=0).prod()), default=None)
    middle = (np.array([shape[1], shape[0]]) - 1) / 2
    return min(
        faces,
        key=lambda f: float(np.linalg.norm((f.points.min(0) + f.points.max(0)) / 2 - middle)),
        default=None,
    )
