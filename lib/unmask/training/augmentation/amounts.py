"""How far each augmentation goes at strength 1, on the processor and on a device alike."""

from __future__ import annotations

import numpy as np

# Changes of all pictures.
SHIFT = 1 / 8  # of the side
CONTRAST = 0.2
BRIGHTNESS = 51.0  # grey levels
HUE = 18.0  # degrees
SATURATION = 0.4
GAMMA = 0.4  # the exponent lies within 2 to the power of minus and plus this

# Changes of some pictures: which share of them at strength 1, and how far.
CHANCE = 0.5
WEBP_CHANCE = 0.25  # an encoding as WebP takes as long as six as JPEG
CROPPED = 0.3  # of the side at most cut away
STRETCHED = 0.1  # by which the sides of a crop differ at most
SHRUNK = 0.5  # of the side at most lost
BLUR = (0.3, 1.5)  # standard deviation, pixels
NOISE = (1.0, 8.0)  # standard deviation, grey levels
CUTOUT = (0.15, 0.4)  # of the side
CUTOUT_GREY = 128
JPEG = (95.0, 60.0)  # quality
WEBP = (95.0, 50.0)
RESAVE = (98.0, 40.0)

_LUMA = np.array([0.299, 0.587, 0.114])
_TO_YIQ = np.array([_LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


def between(ends: tuple[float, float], share: np.ndarray | float) -> np.ndarray | float:
    """Returns the number at `share`, 0 to 1, of the way between two ends."""
    return ends[0] + (ends[1] - ends[0]) * share


def colour_matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns three matrices `[3, 3]` that turn the hue and stretch the saturation of RGB.

    A turn by the angle t and a stretch by s is `grey + s * (cos(t) * colour + sin(t) * turned)`.
    Brightness (Y of YIQ) stays.
    """
    plane, quarter = np.diag([0.0, 1.0, 1.0]), np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]])
    grey = _FROM_YIQ @ np.diag([1.0, 0.0, 0.0]) @ _TO_YIQ
    return grey, _FROM_YIQ @ plane @ _TO_YIQ, _FROM_YIQ @ quarter @ _TO_YIQ
