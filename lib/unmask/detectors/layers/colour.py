"""Planes of brightness and colour as OpenCV makes them, smaller pictures, thumbnails."""

from __future__ import annotations

import keras
import numpy as np

from ...errors import UsageError, nearest
from .exact import Exact

SPACES = ("ycrcb", "grey", "rgb")
# OpenCV's conversions in whole numbers, so that the planes are equal to its own; every product
# stays below 2**24, up to which float32 holds whole numbers.
_FRACTION = 16384.0
_LUMA = (4899.0, 9617.0, 1868.0)
_RED, _BLUE = 11682.0, 9241.0
_GREY_FRACTION = 32768.0
_GREY = (9798.0, 19235.0, 3735.0)


@keras.saving.register_keras_serializable("unmask")
class ColourPlanes(Exact):
    """Red, green, blue pixels 0..255 to planes 0..255 `[n, h, w, planes]`, float32.

    "ycrcb" gives brightness and the red and blue colour differences, "grey" brightness alone,
    both whole numbers equal to OpenCV's for whole pixels; "rgb" leaves the pixels.

    Args:
        space: one of `SPACES`.

    Raises:
        UsageError: an unknown space.
    """

    def __init__(self, space: str = "ycrcb", **arguments):
        super().__init__(**arguments)
        if space not in SPACES:
            raise UsageError(
                f"There is no colour space {space!r}.{nearest(space, SPACES)}",
                expected="one of " + ", ".join(SPACES),
            )
        self.space = space

    def compute(self, inputs):
        if self.space == "rgb":
            return inputs
        red, green, blue = inputs[..., 0], inputs[..., 1], inputs[..., 2]
        if self.space == "grey":
            total = red * _GREY[0] + green * _GREY[1] + blue * _GREY[2]
            return _rounded(total, _GREY_FRACTION)[..., None]
        luma = _rounded(red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2], _FRACTION)
        difference_red = _rounded((red - luma) * _RED + 128.0 * _FRACTION, _FRACTION)
        difference_blue = _rounded((blue - luma) * _BLUE + 128.0 * _FRACTION, _FRACTION)
        planes = keras.ops.stack([luma, difference_red, difference_blue], axis=-1)
        return keras.ops.clip(planes, 0.0, 255.0)

    def get_config(self):
        return {**super().get_config(), "space": self.space}


@keras.saving.register_keras_serializable("unmask")
class HalfSize(Exact):
    """Each side halved by the mean of two by two pixels; an odd last row or column is left out."""

    def compute(self, inputs):
        return keras.ops.average_pool(inputs, 2, strides=2, padding="valid")


@keras.saving.register_keras_serializable("unmask")
class AreaThumbnail(Exact):
    """A small picture in which each pixel is the mean of the area it covers, 0..1, flattened.

    Equal to OpenCV's INTER_AREA but for its rounding to whole pixels.

    Args:
        side: height and width in pixels, not above the picture's.
    """

    def __init__(self, side: int = 16, **arguments):
        super().__init__(**arguments)
        self.side = side

    def compute(self, inputs):
        height, width, channels = inputs.shape[1:]
        down, across = area_weights(height, self.side), area_weights(width, self.side)
        small = keras.ops.einsum("ih,nhwc->niwc", down, inputs)
        small = keras.ops.einsum("jw,niwc->nijc", across, small)
        return keras.ops.reshape(small / 255.0, (-1, self.side * self.side * channels))

    def get_config(self):
        return {**super().get_config(), "side": self.side}


def _rounded(values, fraction: float):
    return keras.ops.floor((values + fraction / 2) / fraction)


def area_weights(size: int, side: int) -> np.ndarray:
    """Returns float32 `[side, size]`: the share of each pixel in each of `side` equal stretches."""
    edges = np.linspace(0, size, side + 1)
    starts = np.maximum(edges[:-1, None], np.arange(size)[None])
    ends = np.minimum(edges[1:, None], np.arange(1, size + 1)[None])
    return (np.maximum(ends - starts, 0) * side / size).astype(np.float32)
