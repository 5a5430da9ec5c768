"""From an image and its 68 landmarks to crops, all square.

Coordinates are x, y in pixels; whole numbers are the middle of a pixel. Where a crop leaves the
image, the image's edge is continued.
"""

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from facegap.settings.align import Centre, Crop, EarsChin, Similarity, Whole

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]  # (2, 3), from points of the image to points of the crop

JAW = slice(0, 17)
BROWS = slice(17, 27)
RIGHT_EYE = slice(36, 42)  # the person's right, on the left of the image
LEFT_EYE = slice(42, 48)

# OpenFace 0.2.1, openface/align_dlib.py: the points OUTER_EYES_AND_NOSE, and where they go: their
# place in the mean face TEMPLATE, whose 68 points are stretched to fill the unit square.
OUTER_EYES_AND_NOSE = [36, 45, 33]
_TEMPLATE_LOW = np.array([0.0792396913815, 0.182360984545])
_TEMPLATE_HIGH = np.array([0.971193274221, 1.06080371126])
_TEMPLATE_POINTS = np.array(
    [
        [0.252418718401, 0.331052263829],
        [0.782865376271, 0.321305281656],
        [0.520712933176, 0.634268222208],
    ]
)
TEMPLATE = (_TEMPLATE_POINTS - _TEMPLATE_LOW) / (_TEMPLATE_HIGH - _TEMPLATE_LOW)
# The similarity of the Cambridge OpenFace 2.2 (Baltrušaitis et al. 2018; lib/local/FaceAnalyser,
# Face_utils.cpp): points that move little with the expression go as near as can be to their place
# in a mean face around the crop's middle. Its own mean face may not be passed on, so the one above
# stands in, in the same unit: 144.8 from ear to ear, where `scale` is 0.7 in a crop of 112.
RIGID = [*range(1, 5), *range(12, 16), *range(27, 30), *range(31, 37), *range(39, 43), 45, 46, 47]
RAISED = [0, *range(16, 27)]  # ears and brows, which the mask is lifted above
LIFT = 30 / 0.7
_RIGID_POINTS = np.array(
    [
        *((0.0829219487236, 0.456955367943), (0.0967927109165, 0.575648016728)),
        *((0.122141515615, 0.691921601066), (0.168687863544, 0.800341263616)),
        *((0.894792677532, 0.792494155836), (0.939395486253, 0.681546643421)),
        *((0.96111933829, 0.562238253072), (0.970579841181, 0.441758925744)),
        *((0.51534533827, 0.31863546193), (0.516221448289, 0.396200446263)),
        *((0.517118861835, 0.473797687758), (0.433701156035, 0.604054457668)),
        *((0.475501237769, 0.62076344024), (0.520712933176, 0.634268222208)),
        *((0.565874114041, 0.618796581487), (0.607054002672, 0.60157671656)),
        *((0.252418718401, 0.331052263829), (0.403718978315, 0.33867711083)),
        *((0.352507175597, 0.349987615384), (0.296791759886, 0.350478978225)),
        *((0.631326076346, 0.334136672344), (0.782865376271, 0.321305281656)),
        *((0.740312274764, 0.341849376713), (0.68499850091, 0.343734332172)),
    ]
)
_MIDDLE = np.array([0.522725, 0.568218])  # mean of its 68 points
_UNIT = 144.8 / (0.971193274221 - 0.0792396913815)
_MIRRORED = [
    15,
    14,
    13,
    12,
    4,
    3,
    2,
    1,
    27,
    28,
    29,
    35,
    34,
    33,
    32,
    31,
    45,
    42,
    47,
    46,
    39,
    36,
    41,
    40,
]
_FROM_MIDDLE = _UNIT * (_RIGID_POINTS - _MIDDLE)
# The mean of it and its mirror image: alone it leans by one degree.
MEAN_FACE = (_FROM_MIDDLE + _FROM_MIDDLE[[RIGID.index(k) for k in _MIRRORED]] * [-1, 1]) / 2
SHARP_AT = 128
LONGEST = 32_766  # pixels a side that native code takes; MediaPipe's OpenCV aborts beyond
LONGEST_PADDED = 16_384  # of a square of nearly a gigabyte
THINNEST = 1 / 30  # height to base of the triangle of outer eyes and nose


def cut(image: Image, points: ArrayLike, name: str, crop: Crop) -> Image:
    """The crop called `name` of `image` (h, w, 3), as the settings `crop` say.

    `points` are (68, 2); `is_flat` ones have no crops. uint8 (size, size, 3).
    """
    if isinstance(crop, Whole):
        return resized(squared(image, crop.fit), crop.size)
    if isinstance(crop, Centre):
        return resized(middle(image, crop.box), crop.size)
    if isinstance(crop, EarsChin):
        return warped(image, ears_chin(points, crop.size, crop.margin), crop.size)
    if isinstance(crop, Similarity):
        matrix = openface_similarity(points, crop.size, crop.scale)
        face = warped(image, matrix, crop.size)
        return masked(face, points, matrix, crop.scale) if crop.mask else face
    if name == "openface":
        return warped(image, openface(points, crop.size), crop.size)
    raise ValueError(f"no crop is called {name}")


def is_flat(points: ArrayLike) -> bool:
    """Whether outer eyes and nose coincide or lie on a line, so that they give no transform."""
    right, left, nose = np.asarray(points, dtype=float)[OUTER_EYES_AND_NOSE]
    base, edge = left - right, nose - right
    twice_area = abs(base[0] * edge[1] - base[1] * edge[0])
    return bool(twice_area <= THINNEST * max(base @ base, edge @ edge, 1e-12))


def ears_chin(points: ArrayLike, size: int, margin: float = 0.0) -> Matrix:
    """The similarity that levels the eyes and fills the crop from ear to ear and brow to chin.

    The square's lower edge touches the chin, and it is centred between the ears; its size is the
    larger of the two distances, so a broad face keeps some forehead. `margin` is added all
    around, as a share of the size. Paper, 2.2.
    """
    face = np.asarray(points, dtype=float)
    x, y = face[LEFT_EYE].mean(axis=0) - face[RIGHT_EYE].mean(axis=0)
    turn = np.array([[x, y], [-y, x]]) / np.hypot(x, y)
    level = face @ turn.T
    ears = level[JAW, 0]
    chin, brow = level[JAW, 1].max(), level[BROWS, 1].min()
    length = max(np.ptp(ears), chin - brow)
    corner = np.array([(ears.min() + ears.max() - length) / 2, chin - length]) - margin * length
    scale = size / (length * (1 + 2 * margin))
    return np.column_stack([scale * turn, -scale * corner - 0.5])


def openface(points: ArrayLike, size: int) -> Matrix:
    """OpenFace's affine transform: outer eyes and nose onto their place in its mean face."""
    source = np.asarray(points, dtype=float)[OUTER_EYES_AND_NOSE]
    matrix: Matrix = np.linalg.solve(np.column_stack([source, np.ones(3)]), size * TEMPLATE).T
    return matrix


def openface_similarity(points: ArrayLike, size: int, scale: float) -> Matrix:
    """The Cambridge OpenFace's similarity: the rigid points near their place in its mean face.

    Rotation by Kabsch (1976), scale by the ratio of the root mean squares, as in its
    AlignShapesWithScale. `scale` is in pixels of the crop per unit of the mean face.
    """
    source = np.asarray(points, dtype=float)[RIGID] @ [1, 1j]
    goal = (scale * MEAN_FACE + (size - 1) / 2) @ [1, 1j]
    one, two = source - source.mean(), goal - goal.mean()
    turn = np.vdot(one, two)
    factor = turn / abs(turn) * np.sqrt((abs(two) ** 2).sum() / (abs(one) ** 2).sum())
    shift = goal.mean() - factor * source.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def masked(face: Image, points: ArrayLike, matrix: Matrix, scale: float) -> Image:
    """`face`, a crop through `matrix`, black outside of the hull of jaw and lifted brows."""
    hull = np.asarray(points, dtype=float) @ matrix[:, :2].T + matrix[:, 2]
    hull[RAISED, 1] -= LIFT * scale
    mask = np.zeros(face.shape[:2], dtype=np.uint8)
    corners = cv2.convexHull((16 * hull).round().astype(np.int32))  # sixteenths of a pixel
    cv2.fillConvexPoly(mask, corners, (1,), shift=4)
    return face * mask[:, :, None]


def face_size(points: ArrayLike) -> float:
    """The size of the square that `ears_chin` cuts, in pixels of the image."""
    return 1.0 / float(np.hypot(*ears_chin(points, 1)[:, 0]))


def sharpness(image: Image, points: ArrayLike) -> float:
    """Variance of the Laplacian of the face's grey levels, at 128 pixels from ear to ear.

    Small where a face is blurred or enlarged (Pech-Pacheco et al. 2000).
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    face = warped(grey, ears_chin(points, SHARP_AT), SHARP_AT)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(face, cv2.CV_32F))
    return float(deviation.item() ** 2)


def warped(image: Image, matrix: Matrix, size: int) -> Image:
    """`image` (h, w, 3) or (h, w) through `matrix`, to `size` pixels, not aliased."""
    times = _times(1 / np.linalg.svd(matrix[:, :2], compute_uv=False)[-1])
    fine = times * matrix
    fine[:, 2] += (times - 1) / 2  # pixels are counted from their middle
    fine_size = size * times
    coloured = image.ndim == 3
    padded = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA) if coloured else image  # faster than three
    canvas = cv2.warpAffine(
        padded,
        fine,
        (fine_size, fine_size),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return _averaged(cv2.cvtColor(canvas, cv2.COLOR_RGBA2RGB) if coloured else canvas, size)


def middle(image: Image, box: int) -> Image:
    """The middle square of `image`, `box` pixels wide, or as wide as the image allows."""
    height, width = image.shape[:2]
    length = min(box, height, width)
    top, left = (height - length) // 2, (width - length) // 2
    return image[top : top + length, left : left + length]


def squared(image: Image, fit: str) -> Image:
    """`image` as its size is to be changed, whatever its sides: to `squeeze` it stays as it is.

    With `crop` its middle square, with `pad` in the middle of a black one.
    """
    if fit == "squeeze":
        return image
    height, width = image.shape[:2]
    if fit == "crop":
        return middle(image, min(height, width))
    if max(height, width) > LONGEST_PADDED:
        return squared(shortened(image, LONGEST_PADDED), fit)
    length = max(height, width)
    square = np.zeros((length, length, image.shape[2]), dtype=image.dtype)
    top, left = (length - height) // 2, (length - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def resized(image: Image, size: int) -> Image:
    """The whole of `image` (h, w, 3) as (size, size, 3). Shrinking does not alias."""
    image = shortened(image, LONGEST)
    height, width = image.shape[:2]
    canvas = (size * _times(width / size), size * _times(height / size))
    return _averaged(cv2.resize(image, canvas, interpolation=cv2.INTER_LINEAR), size)


def shortened(image: Image, longest: int) -> Image:
    """`image` itself, or scaled down so that its longer side has `longest` pixels."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    fitting = (max(1, round(scale * width)), max(1, round(scale * height)))
    return np.asarray(cv2.resize(image, fitting, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _times(shrinkage: float) -> int:
    """How much finer than the crop a canvas is on which pixels of the image are not stepped over.

    Linear interpolation onto it and means of its pixels come near to the mean of the image below
    each pixel of the crop, faster than OpenCV's area resampling. A tenth of a pixel is let go.
    """
    return max(1, math.ceil(shrinkage - 0.1))


def _averaged(canvas: cv2.typing.MatLike, size: int) -> Image:
    if canvas.shape[:2] != (size, size):
        canvas = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(canvas, dtype=np.uint8)
