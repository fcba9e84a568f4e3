"""A network that sees a picture's frequencies instead of its pixels."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ...errors import UsageError, nearest
from ..layers import BlockDCT, ColourPlanes, LogSpectrum
from ..parts import convolve, fake_unit, refuse_small, refuse_widths

SMALLEST = 32
DOMAINS = ("dct", "spectrum")


def frequency_net(
    input_shape: tuple[int, int, int],
    *,
    domain: str = "dct",
    widths: Sequence[int] = (128, 64, 64),
    dropout: float = 0.2,
) -> keras.Model:
    """Frequency network: convolutions over the cosine transform of 8x8 blocks, or the spectrum.

    Both are of brightness and the two colour differences, as logarithms. "dct" keeps the grid of
    JPEG: one place of its planes (each frequency with and without its sign) is a block, seen by
    convolutions of 1x1, 3x3 and then 1x1 blocks, and the mean over all blocks goes to the last
    unit. Crops should begin at multiples of 8 pixels. "spectrum" has one value a frequency of
    the whole picture; since a frequency's place is its meaning, the convolutions are pooled and
    flattened.

    Source: Frank et al., 2020, arXiv:2003.08685; Qian et al., 2020, arXiv:2007.09355.

    Args:
        input_shape: height, width, 3; at least 32x32.
        domain: "dct" or "spectrum".
        widths: filters of each convolution.
        dropout: share of the last features dropped while training.

    Raises:
        UsageError: an unknown domain, no widths, or pictures smaller than 32x32 or not of 3
            channels.
    """
    refuse_widths("frequency_net", widths=widths)
    refuse_small("The frequency network", input_shape, SMALLEST)
    if domain not in DOMAINS:
        raise UsageError(
            f"There is no domain {domain!r}.{nearest(domain, DOMAINS)}",
            expected=" or ".join(DOMAINS),
        )
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    if domain == "dct":
        x = block_frequencies(planes)
    else:
        x = layers.BatchNormalization(name="same_scale")(LogSpectrum(name="spectrum")(planes))
    for number, width in enumerate(widths, start=1):
        kernel = 3 if domain == "spectrum" or number == 2 else 1
        x = convolve(x, width, kernel, f"block{number}")
        if domain == "spectrum":
            x = layers.AveragePooling2D(2, padding="same", name=f"pool{number}")(x)
    x = _head(x, domain)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="frequency_net")


def block_frequencies(planes):
    """Returns logarithms of each 8x8 block's frequencies with and without sign, normalised.

    Args:
        planes: brightness and both colour differences, `[n, h, w, 3]`.

    Returns:
        `[n, h // 8, w // 8, 384]`.
    """
    return layers.BatchNormalization(name="same_scale")(BlockDCT("both", name="dct")(planes))


def _head(x, domain: str):
    if domain == "dct":
        return layers.GlobalAveragePooling2D(name="average")(x)
    x = convolve(x, 8, 1, "narrow")
    return layers.Flatten(name="flatten")(x)


BUILDERS = {"frequency_net": frequency_net}
