"""The changes of one picture: uint8 `[height, width, 3]` RGB, a strength and its draws.

Every change always gets the same number of draws, uniform on 0 to 1, whatever it does with them.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np

from . import amounts
from .amounts import between
from .codecs import SUBSAMPLINGS, through_jpeg, through_webp

SMOOTH = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA, cv2.INTER_LANCZOS4)
TABLE_LENGTH = 2**21


def flip(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Mirrors half of the pictures, at any strength."""
    return cv2.flip(picture, 1) if draws[0] < 0.5 else picture


def shift(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Moves the picture by up to an eighth of its side; the border is reflected."""
    height, width = picture.shape[:2]
    far = (2 * draws - 1) * strength * amounts.SHIFT
    down, right = round(far[0] * height), round(far[1] * width)
    if not (down or right):
        return picture
    above, below, left, beyond = max(down, 0), max(-down, 0), max(right, 0), max(-right, 0)
    padded = cv2.copyMakeBorder(picture, above, below, left, beyond, cv2.BORDER_REFLECT_101)
    return padded[below : below + height, beyond : beyond + width]


def light(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Changes contrast and brightness by up to 20% each."""
    contrast, brightness = 2 * draws - 1
    levels = np.arange(256) - 127.5
    levels = levels * (1 + amounts.CONTRAST * strength * contrast) + 127.5
    levels = levels + amounts.BRIGHTNESS * strength * brightness
    # Cut, not rounded: the numbers of earlier trainings hang on it.
    return cv2.LUT(picture, np.clip(levels, 0, 255).astype(np.uint8))


def jpeg(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Encodes half of the pictures as JPEG of quality 60 to 95."""
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    return through_jpeg(picture, round(between(amounts.JPEG, draws[1] * strength)))


def crop(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Enlarges a part of half of the pictures, at least 70% of the side, slightly stretched."""
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    height, width = picture.shape[:2]
    kept = 1 - amounts.CROPPED * strength * draws[1]
    stretched = 1 + amounts.STRETCHED * strength * (2 * draws[2] - 1)
    tall = max(2, min(height, round(height * kept)))
    wide = max(2, min(width, round(width * kept * stretched)))
    top, left = round(draws[3] * (height - tall)), round(draws[4] * (width - wide))
    part = picture[top : top + tall, left : left + wide]
    return cv2.resize(part, (width, height), interpolation=SMOOTH[int(draws[5] * 2)])


def colour(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Turns the hue by up to 18 degrees; changes saturation by up to 40%, and the gamma."""
    turn, stretch, power = (2 * draws - 1) * strength
    angle = np.deg2rad(amounts.HUE * turn)
    grey, same, turned = _colour_matrices()
    matrix = grey + (1 + amounts.SATURATION * stretch) * (
        np.cos(angle) * same + np.sin(angle) * turned
    )
    levels = 255 * (np.arange(256) / 255) ** (2.0 ** (amounts.GAMMA * power))
    return cv2.LUT(cv2.transform(picture, matrix), np.rint(levels).astype(np.uint8))


def resize(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Makes half of the pictures smaller, down to half the side, and brings them back."""
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    height, width = picture.shape[:2]
    factor = 1 - amounts.SHRUNK * strength * draws[1]
    small = (max(2, round(width * factor)), max(2, round(height * factor)))
    down, up = (SMOOTH[int(draw * len(SMOOTH))] for draw in draws[2:])
    return cv2.resize(
        cv2.resize(picture, small, interpolation=down), (width, height), None, 0, 0, up
    )


def blur(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Blurs half of the pictures, by up to 1.5 pixels."""
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    spread = between(amounts.BLUR, draws[1] * strength)
    return cv2.GaussianBlur(picture, (0, 0), spread, borderType=cv2.BORDER_REFLECT_101)


def noise(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Adds noise of up to 8 grey levels to half of the pictures, grey noise to half of these."""
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    height, width, channels = picture.shape
    grey = draws[2] < 0.5
    shape = (height, width, 1 if grey else channels)
    spread = between(amounts.NOISE, draws[1] * strength)
    grain = spread * _grain(shape, draws[3])
    return np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8)


def webp(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Encodes a quarter of the pictures as WebP of quality 50 to 95."""
    if draws[0] >= amounts.WEBP_CHANCE * strength:
        return picture
    return through_webp(picture, round(between(amounts.WEBP, draws[1] * strength)))


def resave(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Encodes half of the pictures as JPEG of quality 40 to 98, with any chroma subsampling."""
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    quality = round(between(amounts.RESAVE, draws[1] * strength))
    return through_jpeg(picture, quality, SUBSAMPLINGS[int(draws[2] * len(SUBSAMPLINGS))])


def cutout(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Covers a square in half of the pictures with grey; it may reach over the border.

    DeVries and Taylor, 2017, "Improved Regularization of Convolutional Neural Networks with
    Cutout" (arXiv:1708.04552).
    """
    if draws[0] >= amounts.CHANCE * strength:
        return picture
    height, width = picture.shape[:2]
    half = max(1, round(between(amounts.CUTOUT, draws[1] * strength) * min(height, width) / 2))
    middle, centre = int(draws[2] * height), int(draws[3] * width)
    covered = picture.copy()
    covered[max(0, middle - half) : middle + half, max(0, centre - half) : centre + half] = (
        amounts.CUTOUT_GREY
    )
    return covered


@functools.cache
def _colour_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return amounts.colour_matrices()


@functools.cache
def _normal_table() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(TABLE_LENGTH, dtype=np.float32)


def _grain(shape: tuple[int, int, int], draw: float) -> np.ndarray:
    """Returns normal numbers from a drawn place of a long table: ten times as fast as new ones."""
    count = int(np.prod(shape))
    table = _normal_table()
    if count > len(table) // 2:
        return np.random.default_rng(int(draw * 2**53)).standard_normal(shape, dtype=np.float32)
    start = int(draw * (len(table) - count))
    return table[start : start + count].reshape(shape)
