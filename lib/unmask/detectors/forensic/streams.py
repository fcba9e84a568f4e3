"""Two networks side by side: one on colours, one on residuals or frequencies."""

from __future__ import annotations

import keras
from keras import layers

from ...errors import UsageError, nearest
from ..layers import ColourPlanes
from ..parts import convolve, fake_unit, refuse_small
from .frequency import block_frequencies
from .residual import residual_front

SMALLEST = 32
SECONDS = ("residuals", "dct")


def two_stream(
    input_shape: tuple[int, int, int],
    *,
    second: str = "residuals",
    front: str = "srm",
    truncation: float = 4.0,
    width: int = 24,
    dropout: float = 0.3,
) -> keras.Model:
    """Two streams: colours in one, residuals or block frequencies in the other, joined at the end.

    The stream of colours halves the picture from the start and sees shapes; the other keeps each
    pixel at first.

    Source: Zhou et al., 2018, arXiv:1805.04953; for faces Luo et al., 2021, arXiv:2103.12376.

    Args:
        input_shape: height, width, 3; at least 32x32.
        second: "residuals" or "dct" (logarithms of the cosine transform of 8x8 blocks).
        front: the filters of the residuals, see `residual_net`.
        truncation: residuals beyond this many grey levels are set to it.
        width: filters of the first convolution of each stream.
        dropout: share of the joined features dropped while training.

    Raises:
        UsageError: an unknown second stream or front, or pictures smaller than 32x32 or not of 3
            channels.
    """
    refuse_small("The two-stream network", input_shape, SMALLEST)
    if second not in SECONDS:
        raise UsageError(
            f"There is no second stream {second!r}.{nearest(second, SECONDS)}",
            expected=" or ".join(SECONDS),
        )
    inputs = keras.Input(input_shape, name="pixels")
    streams = [_colours(inputs, width)]
    if second == "residuals":
        streams.append(_residuals(inputs, front, truncation, width))
    else:
        streams.append(_blocks(inputs, 2 * width))
    x = layers.Concatenate(name="joined")(streams)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="two_stream")


def _colours(inputs, width: int):
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_one")(inputs)
    for number, factor in enumerate((1, 2, 3, 4), start=1):
        x = convolve(x, factor * width, 3, f"colour{number}", strides=2)
    return layers.GlobalAveragePooling2D(name="colour_average")(x)


def _residuals(inputs, front: str, truncation: float, width: int):
    x = residual_front(inputs, front, truncation)
    x = convolve(x, width, 3, "residual1")
    for number, factor in enumerate((1, 2, 3), start=2):
        x = layers.AveragePooling2D(2, padding="same", name=f"residual_pool{number}")(x)
        x = convolve(x, factor * width, 3, f"residual{number}")
    return layers.GlobalAveragePooling2D(name="residual_average")(x)


def _blocks(inputs, width: int):
    x = block_frequencies(ColourPlanes("ycrcb", name="planes")(inputs))
    for number, kernel in enumerate((1, 3), start=1):
        x = convolve(x, width, kernel, f"block{number}")
    return layers.GlobalAveragePooling2D(name="block_average")(x)


BUILDERS = {"two_stream": two_stream}
