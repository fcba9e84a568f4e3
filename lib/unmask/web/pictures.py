"""Pictures for the page: made anew from pixels, so that no byte of an upload is ever sent back."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

LONGER_SIDE = 1280
HEAT_SIDE = 320
# From dark through orange to pale yellow, as in the reports: readable without colour as well.
HEAT_COLOURS = np.array(
    [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], float
)


def as_address(pixels: np.ndarray, longer_side: int = LONGER_SIDE) -> str:
    """Returns a picture as a JPEG in a data address, reduced to `longer_side` pixels at most.

    Args:
        pixels: uint8 `[height, width, 3]`, RGB.
        longer_side: in pixels.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def with_heat(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Returns a face with its heat map over it.

    Args:
        crop: uint8 `[side, side, 3]`, RGB.
        heat: float `[side, side]`, 0 to 1.

    Returns:
        uint8 `[320, 320, 3]`, RGB.
    """
    size = (HEAT_SIDE, HEAT_SIDE)
    face = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC), float)
    smooth = Image.fromarray(np.asarray(heat, np.float32)).resize(size, Image.Resampling.BICUBIC)
    warmth = np.clip(np.asarray(smooth, float), 0, 1)
    stops = np.linspace(0, 1, len(HEAT_COLOURS))
    colours = np.stack(
        [np.interp(warmth, stops, HEAT_COLOURS[:, channel]) for channel in range(3)], axis=-1
    )
    # Cold places show the face in grey, hot ones the colour.
    grey = np.repeat(face.mean(axis=-1, keepdims=True), 3, axis=-1)
    share = 0.25 + 0.5 * warmth[..., None]
    return np.clip((1 - share) * grey + share * colours, 0, 255).astype(np.uint8)
