"""Drawn people, whose eyes, mouth, colours and light do exactly what a test says."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from unmask.evidence import PersonFrame
from unmask.media.faces import Face

SKIN = np.array([0.42, 0.25, 0.17])  # linear RGB
SIDES = (5.0, 5.4)  # width and height of the picture, in eye distances
BETWEEN_EYES = np.array([2.5, 1.9])
POINTS = np.array([[-0.5, 0], [0.5, 0], [0, 0.571], [-0.414, 1.154], [0.414, 1.154]])


@lru_cache(maxsize=8)
def plane(eyes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns x and y in eye distances from between the eyes, and a texture, all `[h, w]`."""
    width, height = (round(side * eyes) for side in SIDES)
    rows, columns = np.mgrid[:height, :width]
    x = (columns + 0.5) / eyes - BETWEEN_EYES[0]
    y = (rows + 0.5) / eyes - BETWEEN_EYES[1]
    generator = np.random.default_rng(7)
    texture = np.zeros_like(x)
    for size in (1.5, 3, 5, 7, 8):  # waves in an eye distance
        for angle, phase in generator.uniform(0, 2 * np.pi, (3, 2)):
            along = x * np.cos(angle) + y * np.sin(angle)
            texture += np.sin(2 * np.pi * size * along + phase) / size**0.5
    return x, y, texture / texture.std()


def blob(eyes: int, middle: tuple[float, float], half: tuple[float, float]) -> np.ndarray:
    """Returns an ellipse as shares 0..1 with soft edges of a pixel, `[h, w]`."""
    x, y, _ = plane(eyes)
    away = np.hypot((x - middle[0]) / half[0], (y - middle[1]) / half[1])
    return np.clip((1 - away) * min(half) * eyes + 0.5, 0, 1)


def draw(
    eyes: int = 40,
    *,
    open_eyes: float = 1.0,
    mouth: float = 0.1,
    face_gain: tuple[float, float, float] = (1.0, 1.0, 1.0),
    gain: float = 1.0,
    face_blur: float = 0.0,
    face_grain: float = 0.12,
    face_light: float = 0.0,
    neck_light: float = 0.0,
    time: float = 0.0,
) -> PersonFrame:
    """Draws one frame.

    Args:
        eyes: pixels between the eyes; the whole picture grows with them.
        open_eyes, mouth: 0 closed to 1 wide open.
        face_gain: what the light of the face alone is multiplied by, in red, green, blue.
        gain: the same for the whole picture.
        face_blur: standard deviation in eye distances, of the face alone.
        face_grain: contrast of the skin; that of all else is 0.12.
        face_light, neck_light: powers of two from the left cheek's place to the right one's.
        time: seconds.
    """
    x, _, texture = plane(eyes)
    grain = 1 + 0.12 * texture[..., None]
    neck = np.where((np.abs(x) < 0.8)[..., None], SKIN * 0.6, [0.1, 0.16, 0.3])
    picture = neck * grain * 2 ** (neck_light * x / 1.1)[..., None]
    face = SKIN * (1 + face_grain * texture[..., None]) * 2 ** (face_light * x / 1.1)[..., None]
    for side in (-0.5, 0.5):
        white = blob(eyes, (side, 0), (0.2, 0.1 * open_eyes + 1e-3))[..., None]
        iris = blob(eyes, (side, 0), (0.09, 0.09))[..., None]
        face = face * (1 - white) + white * ((1 - iris) * 0.7 + iris * 0.02)
    lips = blob(eyes, (0, 1.154), (0.4, 0.12))[..., None]
    hole = blob(eyes, (0, 1.154), (0.3, 0.2 * mouth + 1e-3))[..., None]
    face = (face * (1 - lips) + lips * SKIN * [0.8, 0.65, 0.7]) * (1 - hole) + 0.01 * hole
    if face_blur:
        face = cv2.GaussianBlur(face, (0, 0), face_blur * eyes)
    inside = blob(eyes, (0, 0.6), (0.9, 1.25))[..., None]
    picture = (picture * (1 - inside) + face * np.array(face_gain) * inside) * gain
    return PersonFrame(time, encode(picture), face_at(eyes))


def encode(linear: np.ndarray) -> np.ndarray:
    """Returns linear light as 8-bit sRGB."""
    linear = np.clip(linear, 0, 1)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)


def face_at(eyes: int) -> Face:
    """Returns the face of a drawn frame, where it was drawn."""
    points = (POINTS + BETWEEN_EYES) * eyes - 0.5
    left, top = (BETWEEN_EYES - [0.9, 0.65]) * eyes
    return Face((left, top, 1.8 * eyes, 2.5 * eyes), points, 0.99)


def flipped(frame: PersonFrame) -> PersonFrame:
    """Returns the mirror picture: what was left is right, and so are the names of the points."""
    width = frame.pixels.shape[1]
    points = frame.face.landmarks * [-1, 1] + [width - 1, 0]
    left, top, wide, high = frame.face.box
    face = Face((width - left - wide, top, wide, high), points[[1, 0, 2, 4, 3]], 0.99)
    return PersonFrame(frame.time, np.ascontiguousarray(frame.pixels[:, ::-1]), face)
