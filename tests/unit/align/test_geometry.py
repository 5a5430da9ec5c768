"""The alignment's geometry, against transforms known in advance."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegap.align import geometry
from facegap.settings.align import Crop, EarsChin, Similarity, Whole

FACE = np.random.default_rng(3).uniform(-3, 3, (68, 2)) + np.concatenate(
    [
        np.c_[-80 * np.cos(np.linspace(0, np.pi, 17)), 110 * np.sin(np.linspace(0, np.pi, 17))],
        np.c_[np.linspace(-65, 65, 10), np.full(10, -35)],  # brows
        np.c_[np.zeros(9), np.linspace(0, 50, 9)],  # nose
        np.c_[np.linspace(-55, -25, 6), np.zeros(6)],
        np.c_[np.linspace(25, 55, 6), np.zeros(6)],
        np.c_[np.linspace(-30, 30, 20), np.full(20, 75)],  # mouth
    ]
)

similarities = st.builds(
    lambda turn, scale, x, y: np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), x],
            [scale * np.sin(turn), scale * np.cos(turn), y],
        ]
    ),
    st.floats(-3.1, 3.1, allow_subnormal=False),
    st.floats(0.1, 20),
    st.floats(-500, 3000, allow_subnormal=False),
    st.floats(-500, 3000, allow_subnormal=False),
)
affinities = st.builds(
    lambda similarity, shear, stretch: (
        similarity @ np.array([[1, shear, 0], [0, stretch, 0], [0, 0, 1]])
    ),
    similarities,
    st.floats(-0.8, 0.8, allow_subnormal=False),
    st.floats(0.5, 2),
)


def through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.c_[points, np.ones(len(points))] @ matrix.T


@given(similarities, st.integers(16, 512), st.floats(0, 0.5, allow_subnormal=False))
def test_ears_chin_undoes_any_similarity(known: np.ndarray, size: int, margin: float) -> None:
    moved = through(known, FACE)
    np.testing.assert_allclose(
        through(geometry.ears_chin(moved, size, margin), moved),
        through(geometry.ears_chin(FACE, size, margin), FACE),
        atol=1e-6 * size,
    )


@given(similarities, st.integers(16, 512))
def test_ears_chin_levels_the_eyes_and_meets_ears_and_chin(known: np.ndarray, size: int) -> None:
    crop = through(geometry.ears_chin(through(known, FACE), size), through(known, FACE))
    right, left = crop[36:42].mean(axis=0), crop[42:48].mean(axis=0)
    assert abs(left[1] - right[1]) < 1e-6 * size
    assert left[0] > right[0]
    assert crop[:17, 1].max() == pytest.approx(size - 0.5)
    assert crop[:17, 0].min() == pytest.approx(-0.5)
    assert crop[:17, 0].max() == pytest.approx(size - 0.5)
    assert crop[17:27, 1].min() > 0


def test_ears_chin_of_a_long_face_keeps_its_height_and_its_middle() -> None:
    crop = through(geometry.ears_chin(FACE * [0.5, 1], 100), FACE * [0.5, 1])
    assert crop[17:27, 1].min() == pytest.approx(-0.5)
    assert crop[:17, 1].max() == pytest.approx(99.5)
    assert crop[:17, 0].min() + crop[:17, 0].max() == pytest.approx(99)


def test_a_margin_is_on_every_side() -> None:
    tight = through(geometry.ears_chin(FACE, 100), FACE)
    wide = through(geometry.ears_chin(FACE, 140, 0.2), FACE)
    np.testing.assert_allclose(wide, tight + 20)


@given(affinities, st.integers(16, 512))
def test_openface_undoes_any_affinity_and_meets_its_template(known: np.ndarray, size: int) -> None:
    moved = through(known, FACE)
    matrix = geometry.openface(moved, size)
    np.testing.assert_allclose(
        through(matrix, moved), through(geometry.openface(FACE, size), FACE), atol=1e-6 * size
    )
    np.testing.assert_allclose(
        through(matrix, moved)[[36, 45, 33]],
        size * np.array([[0.194157, 0.169267], [0.788859, 0.158171], [0.494951, 0.514444]]),
        atol=1e-5 * size,
    )


@given(similarities)
def test_only_a_face_on_a_line_is_flat(known: np.ndarray) -> None:
    assert not geometry.is_flat(through(known, FACE))
    assert geometry.is_flat(through(known, FACE * [1, 0]))
    assert geometry.is_flat(through(known, FACE * 0))


@pytest.mark.parametrize("side", [150, 400, 1300])
@pytest.mark.parametrize("crop", ["ears-chin", "openface"])
def test_a_dot_lands_where_its_point_does(crop: str, side: int) -> None:
    """To a tenth of a pixel of the crop, also where the image shrinks much."""
    known = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0]]) * side / 250
    known[:, 2] = side / 2 + 0.3
    face, size = through(known, FACE), 96
    matrix = {"ears-chin": geometry.ears_chin, "openface": geometry.openface}[crop](face, size)
    yy, xx = np.mgrid[:side, :side]
    blur = 3 / np.linalg.svd(matrix[:, :2])[1][-1]
    for point in face[[28, 33, 36, 45]]:
        dot = np.exp(-((xx - point[0]) ** 2 + (yy - point[1]) ** 2) / (2 * blur**2))
        image = np.repeat((250 * dot).astype(np.uint8)[:, :, None], 3, axis=2)
        settings = {"ears-chin": EarsChin, "openface": Crop}[crop](size=size)
        found = geometry.cut(image, face, crop, settings)[:, :, 0].astype(float)
        y, x = (np.sum(grid * found) / found.sum() for grid in np.mgrid[:size, :size])
        np.testing.assert_allclose([x, y], through(matrix, point[None])[0], atol=0.1)


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::2] = 255
    grey = geometry.resized(stripes, 100)
    assert np.ptp(grey[5:-5, 5:-5]) <= 12
    turn = cv2.getRotationMatrix2D((300, 300), 30, 1 / 4)
    turn[:, 2] -= 250
    assert np.ptp(geometry.warped(stripes, turn, 100)[5:-5, 5:-5].astype(int)) <= 30


def test_a_crop_of_the_same_size_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(geometry.resized(image, 64), image)
    np.testing.assert_array_equal(geometry.warped(image, np.eye(2, 3), 64), image)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(16, 64))
def test_any_shape_becomes_square_and_keeps_its_mean(height: int, width: int, size: int) -> None:
    ramp = np.linspace(0, 255, height)[:, None] * 0.5 + np.linspace(0, 255, width) * 0.5
    image = np.repeat(ramp.astype(np.uint8)[:, :, None], 3, axis=2)
    found = geometry.resized(image, size)
    assert found.shape == (size, size, 3)
    assert abs(float(found.mean()) - float(image.mean())) < 3


@pytest.mark.parametrize(
    ("shape", "box", "rows", "columns"),
    [
        ((218, 178), 178, (20, 198), (0, 178)),  # CelebA, as StarGAN crops it
        ((200, 200), 178, (11, 189), (11, 189)),
        ((50, 80), 178, (0, 50), (15, 65)),
        ((1, 1), 16, (0, 1), (0, 1)),
    ],
)
def test_the_middle(
    shape: tuple[int, int], box: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    np.testing.assert_array_equal(geometry.middle(image, box), image[slice(*rows), slice(*columns)])


@given(similarities, st.integers(16, 512), st.floats(0.1, 3))
def test_openface_similarity_undoes_any_similarity(
    known: np.ndarray, size: int, scale: float
) -> None:
    moved = through(known, FACE)
    np.testing.assert_allclose(
        through(geometry.openface_similarity(moved, size, scale), moved),
        through(geometry.openface_similarity(FACE, size, scale), FACE),
        atol=1e-6 * size * scale,
    )


@given(similarities)
def test_openface_similarity_brings_the_mean_face_to_its_place(known: np.ndarray) -> None:
    face = np.full((68, 2), np.nan)
    face[geometry.RIGID] = geometry.MEAN_FACE
    moved = through(known, face)
    found = through(geometry.openface_similarity(moved, 112, 0.7), moved)[geometry.RIGID]
    np.testing.assert_allclose(found, 0.7 * geometry.MEAN_FACE + 55.5, atol=1e-6)


def test_the_mean_face_does_not_lean() -> None:
    place = dict(zip(geometry.RIGID, geometry.MEAN_FACE, strict=True))
    for right, left in ((36, 45), (39, 42), (31, 35), (1, 15), (4, 12)):
        np.testing.assert_allclose(place[right] * [-1, 1], place[left])
    assert np.ptp(geometry.MEAN_FACE[:, 0]) < 144.8 < 1.1 * np.ptp(geometry.MEAN_FACE[:, 0])


def test_openface_similarity_does_not_see_the_expression() -> None:
    moved = FACE.copy()
    moved[48:] += [3, 12]  # the mouth
    moved[17:27] -= [0, 9]  # the brows
    before = geometry.openface_similarity(FACE, 112, 0.7)
    np.testing.assert_array_equal(geometry.openface_similarity(moved, 112, 0.7), before)


def test_the_mask_keeps_the_face_and_nothing_else() -> None:
    masked = Similarity(size=112, scale=0.7, mask=True)
    white = np.full((400, 400, 3), 255, np.uint8)
    moved = FACE + 200
    face = geometry.cut(white, moved, "openface-similarity", masked)
    at = through(geometry.openface_similarity(moved, 112, 0.7), moved)
    hull = cv2.convexHull(np.delete(at, [0, 16], axis=0).astype(np.float32))  # ears are lifted
    inside = [
        (x, y)
        for x in range(112)
        for y in range(112)
        if cv2.pointPolygonTest(hull, (x, y), True) > 1
    ]
    assert all(face[y, x].all() for x, y in inside)
    assert not face[-1].any()
    below = at[:17, 1].max() + 2
    assert not face[int(np.ceil(below)) :].any()
    plain = geometry.cut(white, moved, "openface-similarity", Similarity(size=112))
    assert plain.all()


def test_a_blurred_face_is_less_sharp_at_any_size() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 400, 3), dtype=np.uint8)
    face = FACE + 200
    values = [
        geometry.sharpness(cv2.GaussianBlur(noise, (0, 0), sigma) if sigma else noise, face)
        for sigma in (0, 1, 2, 4)
    ]
    assert values == sorted(values, reverse=True)
    small = cv2.resize(noise, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    assert geometry.sharpness(small, face * 0.2) < values[0]
    assert geometry.face_size(face * 3) == pytest.approx(3 * geometry.face_size(face))


@pytest.mark.parametrize("wide", [False, True])
def test_an_image_that_is_no_square_becomes_one_in_three_ways(wide: bool) -> None:
    """At the image's own scale, so that the pixels are known."""
    image = np.random.default_rng(0).integers(1, 256, (40, 20, 3), dtype=np.uint8)

    def whole(fit: str, size: int) -> np.ndarray:
        turned = image.transpose(1, 0, 2).copy() if wide else image
        found = geometry.cut(turned, FACE, "none", Whole(size=size, fit=fit))
        return found.transpose(1, 0, 2) if wide else found

    np.testing.assert_array_equal(whole("crop", 20), image[10:30])
    padded = whole("pad", 40)
    np.testing.assert_array_equal(padded[:, 10:30], image)
    assert not padded[:, :10].any()
    assert not padded[:, 30:].any()
    squeezed = whole("squeeze", 20).astype(float)
    pairs = image.reshape(20, 2, 20, 3).mean(1)
    np.testing.assert_allclose(squeezed, pairs, atol=1)
    assert Whole(size=20).fit == "squeeze"
    square = image[:20]
    for fit in ("squeeze", "crop", "pad"):
        same = geometry.cut(square, FACE, "none", Whole(size=20, fit=fit))
        np.testing.assert_array_equal(same, square)
