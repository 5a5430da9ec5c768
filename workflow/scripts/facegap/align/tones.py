"""Light and colour of a face, in CIELAB (D65): how it was photographed, and its skin's tone.

The individual typology angle (ITA; Chardon et al. 1991) orders skin from dark to light, the hue
angle from red to yellow (Thong et al. 2023). Both are of a picture: light and camera are in them.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from facegap.align.geometry import BROWS, Image, ears_chin, resized, warped

SIDE = 128  # pixels from ear to ear
WHOLE = 64  # pixels of a whole picture, for its tint
NOT_SKIN = (
    slice(17, 22),
    slice(22, 27),
    slice(36, 42),
    slice(42, 48),
    slice(48, 60),
)  # brows, eyes and lips
LEAST = 50  # pixels of skin


class Tones(NamedTuple):
    """Columns of MEASURES."""

    light: float  # median L* of the skin, 0 to 100
    tint_red: float  # mean a* of the whole picture; below 0 green
    tint_yellow: float  # mean b* of the whole picture; below 0 blue
    skin_tone: float  # ITA in degrees, of the skin's medians
    hue: float  # degrees


def tones(image: Image, points: NDArray[np.float32]) -> Tones:
    """Of an `image` (h, w, 3) RGB, the face of which has `points` (68, 2).

    Skin is what jaw and brows enclose, without brows, eyes and lips; the whole crop where that is
    next to nothing.
    """
    matrix = ears_chin(points, SIDE)
    face = np.asarray(points, dtype=float) @ matrix[:, :2].T + matrix[:, 2]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for part, value in ((slice(0, BROWS.stop), 1), *((part, 0) for part in NOT_SKIN)):
        corners = cv2.convexHull(face[part].round().astype(np.int32))
        cv2.fillConvexPoly(mask, corners, (value,))
    skin = mask.astype(bool) if mask.sum() >= LEAST else np.ones_like(mask, bool)
    lightness, red, yellow = np.median(_lab(warped(image, matrix, SIDE))[skin], axis=0).tolist()
    tint = _lab(resized(image, WHOLE)).mean((0, 1))
    ita, hue = np.degrees([np.arctan2(lightness - 50, yellow), np.arctan2(yellow, red)]).tolist()
    return Tones(lightness, float(tint[1]), float(tint[2]), ita, hue)


def _lab(image: Image) -> NDArray[np.float32]:
    """L* from 0 to 100, a* and b* (h, w, 3)."""
    shares = image.astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(shares, cv2.COLOR_RGB2LAB), dtype=np.float32)
