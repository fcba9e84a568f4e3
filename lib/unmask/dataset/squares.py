"""A picture as a network sees it: square, at one size."""

from __future__ import annotations

import cv2
import numpy as np

from .equalise import Equaliser

# Up to this ratio of the sides a picture is taken for a square one.
NEARLY_SQUARE = 1.03


def square(pixels: np.ndarray, size: int, equaliser: Equaliser | None = None) -> np.ndarray:
    """Returns the picture as uint8 `[size, size, 3]`: the middle square when it is not square.

    Shrinks by area averaging, enlarges linearly.
    """
    equaliser = equaliser or Equaliser()
    pixels = middle_square(pixels)
    side = min(pixels.shape[:2])
    if equaliser.side is not None and side > equaliser.side:
        pixels, side = equaliser.shrink(pixels), equaliser.side
    how = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return equaliser.encode(cv2.resize(pixels, (size, size), interpolation=how))


def middle_square(pixels: np.ndarray) -> np.ndarray:
    """Returns the middle square of a picture that is not nearly square, else all of it."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if max(height, width) <= NEARLY_SQUARE * side:
        return pixels
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]
