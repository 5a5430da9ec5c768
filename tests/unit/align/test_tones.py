"""Light and colour of faces that were painted so."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facegap.align import geometry
from facegap.align.tones import tones

POINTS = np.zeros((68, 2), np.float32)
POINTS[:17] = np.column_stack(
    [np.linspace(60, 140, 17), 100 + 50 * np.sin(np.linspace(0, np.pi, 17))]
)
POINTS[17:22] = np.column_stack([np.linspace(66, 90, 5), [82, 79, 78, 79, 82]])
POINTS[22:27] = np.column_stack([np.linspace(110, 134, 5), [82, 79, 78, 79, 82]])
POINTS[27:36] = np.column_stack(
    [[100, 100, 100, 100, 92, 96, 100, 104, 108], [92, 99, 106, 113, 118, 119, 120, 119, 118]]
)
EYE = np.array([[-10, 0], [-4, -4], [4, -4], [10, 0], [4, 4], [-4, 4]])
POINTS[36:42], POINTS[42:48] = EYE + np.array([80, 95]), EYE + np.array([120, 95])
MOUTH = np.linspace(0, 2 * np.pi, 20, endpoint=False)
POINTS[48:68] = np.column_stack([100 + 15 * np.cos(MOUTH), 133 + 5 * np.sin(MOUTH)])


def lab(colour: tuple[int, int, int]) -> NDArray[np.float64]:
    """By skimage's formulas: L*, a*, b* of sRGB under D65."""
    linear = np.array(colour) / 255
    linear = np.where(linear > 0.04045, ((linear + 0.055) / 1.055) ** 2.4, linear / 12.92)
    matrix = [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
    x, y, z = (matrix @ linear) / [0.95047, 1.0, 1.08883]
    root = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def painted(skin: tuple[int, int, int], around: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A face of one colour with black eyes, brows and lips, on a ground of another."""
    image = np.full((200, 200, 3), around, np.uint8)
    hull = cv2.convexHull(POINTS[:27].round().astype(np.int32))
    cv2.fillConvexPoly(image, hull, skin)
    for part in (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48), slice(48, 60)):
        cv2.fillConvexPoly(image, cv2.convexHull(POINTS[part].round().astype(np.int32)), (0, 0, 0))
    return image


@pytest.mark.parametrize("skin", [(224, 172, 105), (90, 56, 37), (255, 219, 172), (128, 128, 140)])
def test_the_skins_colour_is_that_which_was_painted(skin: tuple[int, int, int]) -> None:
    """Whatever eyes and lips are, and whatever is around."""
    found = tones(painted(skin, (10, 200, 30)), POINTS)
    lightness, red, yellow = lab(skin)
    assert found.light == pytest.approx(lightness, abs=0.5)
    assert found.hue == pytest.approx(np.degrees(np.arctan2(yellow, red)), abs=2)
    assert found.skin_tone == pytest.approx(np.degrees(np.arctan2(lightness - 50, yellow)), abs=2)


def test_darker_skin_has_the_smaller_angle() -> None:
    angles = [
        tones(painted(skin, (120, 120, 120)), POINTS).skin_tone
        for skin in ((255, 219, 172), (224, 172, 105), (141, 85, 36), (70, 44, 30))
    ]
    assert angles == sorted(angles, reverse=True)


def test_the_tint_is_of_the_whole_picture() -> None:
    grey, warm, cold = (
        tones(painted((128, 128, 128), around), POINTS)
        for around in ((128, 128, 128), (160, 128, 90), (90, 128, 160))
    )
    assert warm.tint_yellow > grey.tint_yellow > cold.tint_yellow
    assert warm.tint_red > cold.tint_red
    assert abs(warm.light - cold.light) < 1, "the skin's light is not the ground's"


def test_a_face_beyond_the_picture_has_tones_too() -> None:
    found = tones(np.full((40, 40, 3), 90, np.uint8), POINTS + 500)
    assert np.isfinite(found).all()
    assert geometry.face_size(POINTS) > 0
