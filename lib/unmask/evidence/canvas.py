"""A face brought to one size and place, with what is around it, for all measures to look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

EYES = 64  # pixels between the eyes on the canvas
WIDTH, HEIGHT = 288, 320
MIDDLE = np.array([WIDTH / 2, 112.0])  # between the eyes, x and y
SMALLEST = 16.0  # pixels between the eyes in the picture
# Eyes, nose tip and mouth corners of ArcFace's template (Deng et al., 2019), in eye distances
# from the middle between the eyes: a face that looks at the camera.
TEMPLATE = np.array([[-0.5, 0], [0.5, 0], [0, 0.571], [-0.414, 1.154], [0.414, 1.154]])
LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Canvas:
    """One face, upright, its eyes `EYES` pixels apart.

    Attributes:
        linear: float32 `[HEIGHT, WIDTH, 3]`, RGB in linear light, 0 to 1; 0 outside the picture.
        inside: bool `[HEIGHT, WIDTH]`: what the picture shows.
        landmarks: float64 `[5, 2]`, x and y on the canvas.
        scale: pixels between the eyes in the picture for each on the canvas.
    """

    linear: np.ndarray
    inside: np.ndarray
    landmarks: np.ndarray
    scale: float

    @cached_property
    def light(self) -> np.ndarray:
        """Luminance, float32 `[HEIGHT, WIDTH]`, 0 to 1."""
        return self.linear @ LUMA.astype(np.float32)

    @property
    def turned(self) -> float:
        """How far the face is turned to a side: 0 looks at the camera, about 0.5 in profile.

        The nose tip's distance from the middle line of eyes and mouth, in eye distances.
        """
        eyes, mouth = self.landmarks[:2].mean(0), self.landmarks[3:].mean(0)
        down = mouth - eyes
        aside = self.landmarks[2] - eyes
        across = down[0] * aside[1] - down[1] * aside[0]
        return float(abs(across) / max(np.linalg.norm(down), 1e-6) / EYES)

    def patch(self, x: float, y: float, width: float, height: float) -> tuple[slice, slice]:
        """Returns rows and columns of a rectangle, in eye distances: its middle, from between
        the eyes, and its sides."""
        middle = MIDDLE + EYES * np.array([x, y])
        half = EYES * np.array([width, height]) / 2
        left, top = np.maximum(np.rint(middle - half), 0).astype(int)
        right, bottom = np.rint(middle + half).astype(int)
        return slice(top, bottom), slice(left, right)


def make_canvas(pixels: np.ndarray, landmarks: np.ndarray) -> Canvas | str:
    """Brings a face onto the canvas by the similarity transform of its five landmarks.

    Args:
        pixels: uint8 `[height, width, 3]`, RGB: the whole picture.
        landmarks: `[5, 2]`, x and y in it: eyes, nose tip, mouth corners, left before right.

    Returns:
        The canvas, or in plain words why there is none.
    """
    import cv2  # here, as who only asks for names and rates needs no OpenCV

    points = np.asarray(landmarks, np.float64)
    matrix = similarity(points, MIDDLE + EYES * TEMPLATE)
    if matrix is None:
        return "the eyes and the mouth were not found apart from each other"
    scale = 1 / float(np.hypot(*matrix[:, 0]))
    if scale * EYES < SMALLEST:
        return f"the face is too small: its eyes are {scale * EYES:.0f} pixels apart"
    part, to_part = _around(pixels, matrix, scale)
    from_part = matrix @ np.linalg.inv(np.vstack([to_part, [0, 0, 1]]))
    warped = cv2.warpAffine(part, from_part, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    shown = np.full(part.shape[:2], 255, np.uint8)
    inside = cv2.warpAffine(shown, from_part, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR) == 255
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return Canvas(to_linear(warped), inside, moved, scale)


def similarity(points: np.ndarray, onto: np.ndarray) -> np.ndarray | None:
    """Returns the 2 x 3 matrix that turns, scales and shifts `points` onto `onto` best.

    Umeyama (1991), "Least-squares estimation of transformation parameters between two point
    patterns"; None when the points lie in one place.
    """
    from_middle, to_middle = points.mean(0), onto.mean(0)
    source, target = points - from_middle, onto - to_middle
    spread = float((source**2).sum())
    if not np.isfinite(spread) or spread < 1e-6:
        return None
    # In the plane a similarity is a complex number: least squares has a closed form.
    real = float((source * target).sum()) / spread
    imaginary = float((source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()) / spread
    turn = np.array([[real, -imaginary], [imaginary, real]])
    if np.hypot(real, imaginary) < 1e-6:
        return None
    return np.hstack([turn, (to_middle - turn @ from_middle)[:, None]])


def to_linear(pixels: np.ndarray) -> np.ndarray:
    """Returns 8-bit sRGB in linear light, float32, 0 to 1 (IEC 61966-2-1)."""
    steps = np.arange(256) / 255
    curve = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    return curve.astype(np.float32)[pixels]


def _around(pixels: np.ndarray, matrix: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the part of the picture that the canvas shows, not finer than the canvas, and the
    2 x 3 matrix from the picture to it; averaged down, so that no detail folds over."""
    import cv2

    corners = np.array([[0, 0], [WIDTH, 0], [0, HEIGHT], [WIDTH, HEIGHT]], float)
    in_picture = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    low = np.clip(np.floor(in_picture.min(0)) - 2, 0, None).astype(int)
    high = np.ceil(in_picture.max(0)).astype(int) + 2
    part = pixels[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return np.zeros((1, 1, 3), np.uint8), np.array([[1.0, 0, -1e6], [0, 1, -1e6]])
    height, width = part.shape[:2]
    small = (max(1, round(width / max(scale, 1))), max(1, round(height / max(scale, 1))))
    if small != (width, height):
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
    by = np.array([small[0] / width, small[1] / height])
    # Pixel centres lie at halves: shift by half a pixel before and after the scaling.
    shift = (0.5 - low) * by - 0.5
    return np.ascontiguousarray(part), np.array([[by[0], 0, shift[0]], [0, by[1], shift[1]]])
