"""Sharpness of the face against its surroundings, at one scale.

A generated face is often made small and enlarged, or smoothed where it was blended in, while hair,
ears, neck and background keep the camera's own sharpness (Matern et al., 2019, "Exploiting visual
artifacts to expose deepfakes and face manipulations"; Li & Lyu, 2019, "Exposing deepfake videos by
detecting face warping artifacts"). Sharpness here is how much fine structure there is for each bit
of coarse structure, so that a bearded cheek and a plain wall can be compared.
"""

from __future__ import annotations

import numpy as np

from .canvas import EYES, HEIGHT, MIDDLE, WIDTH, Canvas
from .records import Measure, Reading
from .timing import middle_of

FACE = (0.85, 1.15)  # half width and half height of the face's ellipse, in eye distances
CENTRE = (0.0, 0.6)  # its middle, from between the eyes
RING = (1.25, 1.75)  # the surroundings: from and to so many times the face's ellipse
FINE, COARSE = (0.7, 1.4), (2.8, 5.6)  # blurs whose difference is a band, in pixels of the canvas
LEAST_AREA = 0.25  # of the ring that the picture must show
LEAST_STRUCTURE = 0.004  # coarse structure, as a share of the brightness; below: a plain wall


def elliptic_distance() -> np.ndarray:
    """Returns for each pixel of the canvas how many face ellipses it is from the face's middle."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    x = (columns + 0.5 - MIDDLE[0]) / EYES - CENTRE[0]
    y = (rows + 0.5 - MIDDLE[1]) / EYES - CENTRE[1]
    return np.hypot(x / FACE[0], y / FACE[1])


DISTANCE = elliptic_distance()
IN_FACE = DISTANCE < 1
IN_RING = (RING[0] < DISTANCE) & (RING[1] > DISTANCE)


def look(canvas: Canvas) -> np.ndarray | str:
    """Returns the sharpness of the face and of its surroundings [2], or why there is none."""
    import cv2

    far = np.ones((25, 25), np.uint8)  # twice the widest blur: what lies outside must not leak in
    inside = cv2.erode(canvas.inside.astype(np.uint8), far, borderValue=1) > 0
    ring, face = IN_RING & inside, IN_FACE & inside
    if ring.sum() < LEAST_AREA * IN_RING.sum() or face.sum() < 0.9 * IN_FACE.sum():
        return "too little of what surrounds the face is in the picture"
    picture = np.sqrt(np.maximum(canvas.light, 0))
    fine, coarse = _band(picture, FINE), _band(picture, COARSE)
    if coarse[ring].mean() < LEAST_STRUCTURE * picture[ring].mean():
        return "the surroundings are too even to have a sharpness"
    if coarse[face].mean() < LEAST_STRUCTURE * picture[face].mean():
        return "the face is too even to have a sharpness"
    return np.array([fine[area].mean() / coarse[area].mean() for area in (face, ring)])


def read(times: np.ndarray, seen: list, **_) -> Reading:
    """Returns the middle over the frames of the face's sharpness divided by the surroundings'."""
    return middle_of(
        times,
        [each if isinstance(each, str) else float(each[0] / each[1]) for each in seen],
        "The face is {value:.2f} times as sharp as what surrounds it",
    )


def _band(picture: np.ndarray, blurs: tuple[float, float]) -> np.ndarray:
    """Returns the absolute structure between two blurs, of the picture's shape."""
    import cv2

    less, more = (cv2.GaussianBlur(picture, (0, 0), blur) for blur in blurs)
    return np.abs(less - more)


MEASURE = Measure(
    name="face_sharpness",
    title="Sharpness of the face against its surroundings",
    unit="times",
    side="both",
    rate=0.0,
    look=look,
    read=read,
)
