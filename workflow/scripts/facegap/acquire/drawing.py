"""One drawn face: numbers in, pixels and true landmarks out.

Coordinates of the face: the origin lies between the pupils, x to the right, y down, one unit is
half the face's width at the cheeks.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Image = NDArray[np.uint8]
Colour = tuple[float, ...]  # RGB, 0 to 255; one number on the map of shadows
FRACTION = 4  # OpenCV draws at 1/16 of a pixel


@dataclass(frozen=True)
class Face:
    """Who is drawn, and their expression. Lengths in half face widths, colours RGB 0 to 255."""

    jaw: float  # width of the jaw, 0.7 narrow to 1 square
    length: float  # from the eyes to the chin
    eye_distance: float  # from the middle to a pupil
    eye_size: float  # half width of an eye
    brow_arch: float
    brow_thickness: float
    nose_width: float
    mouth_width: float
    skin: Colour
    iris: Colour
    hair: Colour
    lips: Colour
    clothes: Colour
    hair_volume: float
    long_hair: bool
    bangs: bool
    beard: bool
    glasses: bool
    lines: float  # of age, 0 to 1
    smile: float  # 0 to 1
    gaze: float  # -1 to 1


@dataclass(frozen=True)
class Capture:
    """How a picture is taken. Pixels, radians; light and colours as factors."""

    width: int
    height: int
    centre: tuple[float, float]  # of the face's origin
    scale: float  # pixels per half face width
    roll: float
    yaw: float
    light: tuple[float, float]  # direction it comes from, its length is its strength
    gain: Colour  # exposure and cast, a factor per channel
    backdrop: tuple[Colour, Colour]  # top and bottom
    clutter: float  # shapes in the background, 0 to 1
    noise: float  # standard deviation, grey levels


def draw(face: Face, capture: Capture, rng: np.random.Generator) -> tuple[Image, Points]:
    """The picture, uint8 (h, w, 3) RGB, and the 68 true landmarks, float64 (68, 2) in pixels."""
    canvas = _backdrop(capture, rng)
    shadow = np.zeros(canvas.shape[:2], np.uint8)
    pen = _Pen(canvas, shadow, capture)
    _hair_behind(face, pen)
    _body(face, pen)
    _head(face, pen)
    _nose_and_mouth(face, pen)
    _beard(face, pen)
    _eyes(face, pen)
    _hair_in_front(face, pen)
    _glasses(face, pen)
    return _light(pen, capture, rng), pen.place(landmarks(face))


class _Pen:
    """Shapes in face coordinates, put on the canvas (or the map of shadows) as the head is held."""

    def __init__(self, canvas: Image, shadow: Image, capture: Capture) -> None:
        self.canvas, self.shadow, self.capture = canvas, shadow, capture
        c, s = math.cos(capture.roll), math.sin(capture.roll)
        self.turn = capture.scale * np.array([[c, s], [-s, c]])

    def place(self, points: Points) -> Points:
        """Pixels of face coordinates: yaw moves what lies further forward, roll turns all."""
        x, y = points[:, 0], points[:, 1]
        forward = np.sqrt(np.clip(1.1 - x**2, 0, None)) * np.exp(-(((y - 0.35) / 1.3) ** 2))
        turned = xy(x * math.cos(self.capture.yaw) + 0.6 * forward * math.sin(self.capture.yaw), y)
        return turned @ self.turn + self.capture.centre

    def flat(self, points: Points, colour: Colour, on: Image | None = None) -> None:
        """A filled shape."""
        pixels = np.rint(self.place(points) * (1 << FRACTION)).astype(np.int32)
        target = self.canvas if on is None else on
        cv2.fillPoly(target, [pixels], colour, cv2.LINE_AA, FRACTION)

    def line(self, points: Points, width: float, colour: Colour, on: Image | None = None) -> None:
        """A stroke, `width` in half face widths, at least one pixel."""
        pixels = np.rint(self.place(points) * (1 << FRACTION)).astype(np.int32)
        thickness = max(1, round(width * self.capture.scale))
        target = self.canvas if on is None else on
        cv2.polylines(target, [pixels], False, colour, thickness, cv2.LINE_AA, FRACTION)

    def shade(self, points: Points, depth: int) -> None:
        """A soft shadow."""
        self.flat(points, (depth,), self.shadow)


def xy(x: Points | float | list[float], y: Points | float | list[float]) -> Points:
    """Points from their coordinates; quicker than numpy's column functions, and called a lot."""
    points = np.empty((max(np.size(x), np.size(y)), 2))
    points[:, 0], points[:, 1] = x, y
    return points


def ring(x: float, y: float, rx: float, ry: float, n: int = 24) -> Points:
    """An ellipse."""
    return _circle(n) * (rx, ry) + (x, y)


@cache
def _circle(n: int) -> Points:
    t = np.linspace(0, 2 * math.pi, n, endpoint=False)
    return xy(np.cos(t), np.sin(t))


def arc(x: Points | list[float], y: Points | list[float], n: int = 16) -> Points:
    """A smooth line of n points through three points or a few more."""
    return _lagrange(len(x), n) @ xy(x, y)


@cache
def _lagrange(points: int, n: int) -> Points:
    """The weights of evenly spaced points in the polynomial through them, (n, points)."""
    knots, s = np.linspace(0, 1, points), np.linspace(0, 1, n)[:, None]
    weights = np.ones((n, points))
    for k in range(points):
        others = np.delete(knots, k)
        weights[:, k] = np.prod((s - others) / (knots[k] - others), axis=1)
    return weights


def mix(one: Colour, two: Colour, share: float) -> Colour:
    """`share` of `two` in `one`."""
    return tuple((1 - share) * a + share * b for a, b in zip(one, two, strict=True))


def jaw_line(face: Face) -> Points:
    """From ear to ear over the chin, (17, 2)."""
    t = np.linspace(0, math.pi, 17)
    side, down = np.cos(t), np.sin(t)
    width = 1 - (1 - face.jaw) * down**3
    return xy(-side * width, 0.02 + (face.length - 0.02) * down ** (1.35 - 0.45 * face.jaw))


def brow_line(face: Face, side: int, n: int = 5) -> Points:
    """From outside to inside for the image's left (-1), inside to outside for the right (1)."""
    d, s = face.eye_distance, face.eye_size
    x = [d + 1.45 * s, d + 0.2 * s, d - 1.05 * s]
    y = [-0.24, -0.34 - face.brow_arch, -0.29]
    line = arc(x, y, n)
    line[:, 0] *= side
    return line if side < 0 else line[::-1]


def eye_line(face: Face, side: int) -> Points:
    """Six points round an eye, clockwise from its left corner in the image."""
    d, s = side * face.eye_distance, face.eye_size
    open_ = 0.47 * s * (1 - 0.25 * face.smile)
    x = d + s * np.array([-1, -0.4, 0.4, 1, 0.4, -0.4])
    return xy(x, open_ * np.array([0, -1, -1, 0, 0.75, 0.75]))


def nose_tip(face: Face) -> float:
    """Height of the nose's lower edge."""
    return 0.48 * face.length


def mouth_lines(face: Face) -> tuple[Points, Points, Points]:
    """Upper edge, parting line and lower edge of the lips, from the left corner to the right."""
    y = 0.70 * face.length
    w = face.mouth_width * (1 + 0.22 * face.smile)
    lift = 0.10 * face.smile
    x = w * np.linspace(-1, 1, 7)
    bow = 1 - (x / w) ** 2
    part = y - lift + (lift + 0.015) * bow
    upper = part - 0.075 * bow * np.array([1, 1, 1.05, 0.88, 1.05, 1, 1])
    return xy(x, upper), xy(x, part), xy(x, part + (0.115 + 0.03 * face.smile) * bow)


def landmarks(face: Face) -> Points:
    """The 68 points of the iBUG scheme in face coordinates, (68, 2)."""
    tip, w = nose_tip(face), face.nose_width
    bridge = xy(np.zeros(4), np.linspace(0, tip - 0.10, 4))
    wings = xy(
        w * np.array([-1, -0.5, 0, 0.5, 1]), tip + np.array([-0.02, 0.015, 0.03, 0.015, -0.02])
    )
    upper, part, lower = mouth_lines(face)
    inner = [part[[0, 2, 3, 4, 6]] * [0.92, 1], part[[4, 3, 2]] * [0.92, 1]]
    return np.vstack(
        [
            jaw_line(face),
            brow_line(face, -1),
            brow_line(face, 1),
            bridge,
            wings,
            eye_line(face, -1),
            eye_line(face, 1),
            upper,
            lower[-2:0:-1],
            *inner,
        ]
    )


def _backdrop(capture: Capture, rng: np.random.Generator) -> Image:
    """A gradient, and coloured shapes out of focus: drawn small, since nothing of it is sharp."""
    small = (max(2, capture.width // 6), max(2, capture.height // 6))
    top, bottom = np.array(capture.backdrop)
    share = np.linspace(0, 1, small[1])[:, None, None]
    canvas = np.repeat((1 - share) * top + share * bottom, small[0], axis=1).astype(np.uint8)
    for x, y, size, *tint in rng.normal(size=(round(6 * capture.clutter), 6)):
        colour = np.clip((top + bottom) / 2 + 28 * np.array(tint), 0, 255).tolist()
        centre = (int(small[0] * (0.5 + 0.35 * x)), int(small[1] * (0.5 + 0.35 * y)))
        cv2.circle(canvas, centre, 2 + int(0.12 * small[0] * abs(size)), colour, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(canvas, (0, 0), 1.2)
    size = (capture.width, capture.height)
    return cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def _hair_behind(face: Face, pen: _Pen) -> None:
    v = face.hair_volume
    dark = mix(face.hair, (0, 0, 0), 0.25)
    if face.long_hair:
        side = arc([-1.02 - v, -1.16 - v, -1.05 - v, -0.75], [-0.2, 0.6, 1.35, 1.75], 12)
        pen.flat(np.vstack([ring(0, -0.25, 1.08 + v, 0.98 + v)]), dark)
        pen.flat(np.vstack([side, side[::-1] * [-1, 1]]), dark)


def _body(face: Face, pen: _Pen) -> None:
    chin = face.length
    half = arc([-0.45, -1.3, -2.2], [chin + 0.22, chin + 0.42, chin + 1.9], 10)
    pen.flat(
        np.vstack([half, [[-2.2, chin + 3], [2.2, chin + 3]], half[::-1] * [-1, 1]]), face.clothes
    )
    throat = mix(face.skin, (60, 30, 20), 0.12)
    pen.flat(np.array([[-0.5, 0.6], [-0.5, chin + 0.3], [0.5, chin + 0.3], [0.5, 0.6]]), throat)
    pen.flat(ring(0, chin + 0.3, 0.5, 0.2), throat)
    pen.shade(ring(0, chin + 0.08, 0.55, 0.2), 90)


def head_line(face: Face) -> Points:
    """Outline of the head: the jaw and the skull."""
    t = np.linspace(0, math.pi, 20)
    skull = xy(np.cos(t), -1.08 * np.sin(t) ** 0.9)
    return np.vstack([jaw_line(face), skull])


def _head(face: Face, pen: _Pen) -> None:
    ear = mix(face.skin, (120, 50, 40), 0.15)
    for side in (-1, 1):
        pen.flat(ring(side * 1.0, 0.16, 0.13, 0.26), ear)
    pen.flat(head_line(face), face.skin)
    for side in (-1, 1):
        pen.shade(ring(side * 0.95, 0.75, 0.28, 0.75), 70)
        pen.shade(ring(side * face.eye_distance, -0.06, 1.25 * face.eye_size, 0.17), 55)
        cheek = ring(side * 0.55, 0.45, 0.22, 0.16)
        pen.flat(cheek, mix(face.skin, (215, 90, 80), 0.10))
    line = mix(face.skin, (70, 35, 25), 0.25 + 0.25 * face.lines)
    if face.lines > 0.25:
        for height in (-0.50, -0.60, -0.70):
            pen.line(arc([-0.42, 0, 0.42], [height, height - 0.05, height]), 0.018, line)
        for side in (-1, 1):
            nostril, mouth = 1.25 * face.nose_width, 1.35 * face.mouth_width
            fold = arc([side * nostril, side * 0.42, side * mouth], [0.46, 0.60, 0.84], 10)
            pen.line(fold * [1, face.length / 1.25], 0.03, line)
            outer = side * (face.eye_distance + 1.15 * face.eye_size)
            for slope in (-0.08, 0.0, 0.08):
                pen.line(arc([outer, outer + side * 0.1], [0, slope], 4), 0.012, line)
            bag = face.eye_distance * side
            pen.line(arc([bag - 0.15, bag, bag + 0.15], [0.15, 0.20, 0.15]), 0.02, line)


def _nose_and_mouth(face: Face, pen: _Pen) -> None:
    tip, w = nose_tip(face), face.nose_width
    dark = mix(face.skin, (80, 35, 25), 0.45)
    pen.flat(ring(0, tip - 0.10, 0.75 * w, 0.13), mix(face.skin, (255, 235, 220), 0.16))
    pen.shade(
        np.vstack(
            [arc([0.5 * w, 0.65 * w, 1.1 * w], [0, tip - 0.3, tip - 0.04]), [[0.1, tip - 0.1]]]
        ),
        75,
    )
    pen.line(
        arc(
            [-w, -0.45 * w, 0, 0.45 * w, w],
            [tip - 0.03, tip + 0.02, tip + 0.035, tip + 0.02, tip - 0.03],
        ),
        0.03,
        dark,
    )
    for side in (-1, 1):
        pen.flat(ring(side * 0.5 * w, tip, 0.24 * w, 0.03), mix(dark, (0, 0, 0), 0.35))
    upper, part, lower = mouth_lines(face)
    pen.flat(np.vstack([upper, part[::-1]]), mix(face.lips, (60, 10, 20), 0.15))
    pen.flat(np.vstack([part, lower[::-1]]), face.lips)
    if face.smile > 0.6:
        open_ = np.vstack([part, (part + 0.55 * (lower - part))[::-1]])
        pen.flat(open_, (245, 243, 238))
    pen.line(part, 0.025, mix(face.lips, (30, 0, 0), 0.65))
    pen.shade(ring(0, lower[3, 1] + 0.07, 0.2, 0.05), 60)


def _beard(face: Face, pen: _Pen) -> None:
    if not face.beard:
        return
    colour = mix(face.hair, face.skin, 0.15)
    jaw = jaw_line(face) * [1.0, 1.02]
    upper, _, lower = mouth_lines(face)
    tip, w = nose_tip(face), face.mouth_width
    cheek = arc([1.0, 0.72, 1.25 * w, 0.0], [0.30, 0.52, tip + 0.11, tip + 0.08], 12)
    outline = np.vstack([jaw[1:-1], cheek, (cheek * [-1, 1])[::-1]])
    before = pen.canvas.copy()
    pen.flat(outline, colour)
    hole = np.vstack([upper * [1.08, 1] - [0, 0.015], lower[::-1] * [1.08, 1] + [0, 0.03]])
    mask = np.zeros(pen.canvas.shape[:2], np.uint8)
    pen.flat(hole, (255,), mask)
    share = (mask[..., None] / 255.0).astype(np.float32)
    pen.canvas[:] = (before * share + pen.canvas * (1 - share)).astype(np.uint8)


def _eyes(face: Face, pen: _Pen) -> None:
    dark = mix(face.hair, (20, 12, 10), 0.6)
    for side in (-1, 1):
        corners = eye_line(face, side)
        d, s = side * face.eye_distance, face.eye_size
        top = arc([corners[0, 0], d, corners[3, 0]], [0, 1.35 * corners[1, 1], 0], 12)
        bottom = arc([corners[3, 0], d, corners[0, 0]], [0, 1.35 * corners[4, 1], 0], 12)
        white = np.vstack([top, bottom])
        pen.flat(white, (244, 242, 238))
        x = d + 0.18 * s * face.gaze
        pen.flat(ring(x, -0.01, 0.43 * s, 0.43 * s), face.iris)
        pen.flat(ring(x, -0.01, 0.2 * s, 0.2 * s), (15, 12, 12))
        pen.flat(ring(x + 0.14 * s, -0.14 * s, 0.1 * s, 0.1 * s), (255, 255, 255))
        pen.flat(
            np.vstack(
                [top, arc([corners[3, 0], d, corners[0, 0]], [0, 2.1 * corners[1, 1], 0], 12)]
            ),
            mix(face.skin, (90, 45, 35), 0.18),
        )
        pen.line(top, 0.045, (35, 24, 22))
        pen.line(bottom, 0.015, mix(face.skin, (70, 35, 30), 0.5))
        pen.line(brow_line(face, side, 9), face.brow_thickness, dark)


def _hair_in_front(face: Face, pen: _Pen) -> None:
    v = face.hair_volume
    t = np.linspace(0, math.pi, 24)
    temple = 0.28 if face.long_hair else 0.02
    outer = xy((1.04 + v) * np.cos(t), -0.05 - (1.10 + 1.2 * v) * np.sin(t) ** 0.8)
    if face.bangs:
        low = arc(
            [-0.98, -0.9, -0.45, 0.0, 0.45, 0.9, 0.98],
            [0.1, -0.25, -0.36, -0.42, -0.36, -0.25, 0.1],
            24,
        )
    else:
        low = arc(
            [-0.99, -0.93, -0.55, 0.05, 0.55, 0.93, 0.99],
            [0.1, -0.35, -0.74, -0.84, -0.72, -0.35, 0.1],
            24,
        )
    ends = [[-1.0 - v, temple], [-0.97, temple]], [[0.97, temple], [1.0 + v, temple]]
    pen.flat(np.vstack([outer, ends[0], low, ends[1]]), face.hair)
    shine = mix(face.hair, (255, 250, 235), 0.22)
    for x in (-0.55, -0.2, 0.3, 0.62):
        top = -1.0 - 0.9 * v + 0.35 * x * x
        pen.line(arc([x, 0.85 * x, 0.9 * x], [top, top + 0.10, top + 0.2], 8), 0.02, shine)
    if face.bangs:
        for x in np.linspace(-0.7, 0.7, 8):
            pen.line(
                arc([0.9 * x, x], [-0.85, -0.44 + 0.1 * x * x], 6),
                0.018,
                mix(face.hair, (0, 0, 0), 0.3),
            )
    if face.long_hair:
        for side in (-1, 1):
            inner = arc([0.97, 0.93, 0.86], [-0.3, 0.5, 1.25], 10)
            edge = arc([0.7, 1.10 + v, 1.14 + v, 1.0 + v], [1.7, 1.3, 0.5, -0.3], 14)
            pen.flat(np.vstack([inner, edge]) * [side, 1], face.hair)


def _glasses(face: Face, pen: _Pen) -> None:
    if not face.glasses:
        return
    frame = (40, 38, 42)
    for side in (-1, 1):
        rim = ring(side * face.eye_distance, 0.03, 0.30, 0.23, 28)
        pen.line(np.vstack([rim, rim[:1]]), 0.04, frame)
        pen.line(
            np.array([[side * (face.eye_distance + 0.3), 0.0], [side * 1.0, -0.05]]), 0.04, frame
        )
    gap = face.eye_distance - 0.3
    pen.line(arc([-gap, 0, gap], [0.0, -0.05, 0.0]), 0.04, frame)


def _light(pen: _Pen, capture: Capture, rng: np.random.Generator) -> Image:
    """Shadows, direction and colour of the light, and the sensor's noise."""
    h, w = pen.shadow.shape
    small = cv2.resize(pen.shadow, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 0.025 * capture.scale)
    soft = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    y = (np.arange(h, dtype=np.float32) - capture.centre[1]) / capture.scale
    x = (np.arange(w, dtype=np.float32) - capture.centre[0]) / capture.scale
    slope = capture.light[0] * x[None, :] + capture.light[1] * y[:, None]
    level = (1 + np.clip(slope, -0.6, 0.6)) * (1 - soft / 400)
    noise = capture.noise * rng.standard_normal((h, w), np.float32)
    channels = cv2.split(cv2.GaussianBlur(pen.canvas, (3, 3), 0.6))  # apart: three times as fast
    lit = [
        cv2.convertScaleAbs(np.maximum(channel * (np.float32(gain) * level) + noise, 0))
        for channel, gain in zip(channels, capture.gain, strict=True)
    ]
    return cv2.merge(lit).astype(np.uint8, copy=False)
