"""A network that sees a picture's frequencies instead of its pixels."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ...errors import UsageError, nearest
from ..layers import BlockDCT, ColourPlanes, LogSpectrum
from ..parts import convolve, fake_unit, refuse_small

SMALLEST = 32
DOMAINS = ("dct", "spectrum")


def frequency_net(
    input_shape: tuple[int, int, int],
    *,
    domain: str = "dct",
    widths: Sequence[int] = (64, 64, 64),
    dropout: float = 0.2,
) -> keras.Model:
    """Frequency network: convolutions over the cosine transform of 8x8 blocks, or the spectrum.

    Both are of brightness and the two colour differences, as logarithms of magnitudes. "dct"
    keeps the grid of JPEG: a pixel of its 192 planes is a block, and the mean over all blocks
    goes to the last unit. "spectrum" has one value a frequency of the whole picture; since a
    frequency's place is its meaning, the convolutions are pooled and flattened.

    Source: Frank et al., 2020, arXiv:2003.08685; Qian et al., 2020, arXiv:2007.09355.

    Args:
        input_shape: height, width, 3; at least 32x32.
        domain: "dct" or "spectrum".
        widths: filters of each convolution.
        dropout: share of the last features dropped while training.

    Raises:
        UsageError: an unknown domain, or pictures smaller than 32x32 or not of 3 channels.
    """
    refuse_small("The frequency network", input_shape, SMALLEST)
    if domain not in DOMAINS:
        raise UsageError(
            f"There is no domain {domain!r}.{nearest(domain, DOMAINS)}",
            expected=" or ".join(DOMAINS),
        )
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    transform = BlockDCT if domain == "dct" else LogSpectrum
    x = transform(name=domain)(planes)
    x = layers.BatchNormalization(name="same_scale", dtype="float32")(x)
    for number, width in enumerate(widths, start=1):
        if domain == "dct":
            x = convolve(x, width, 3 if number == 1 else 1, f"block{number}")
        else:
            x = convolve(x, width, 3, f"block{number}")
            x = layers.AveragePooling2D(2, padding="same", name=f"pool{number}")(x)
    x = _head(x, domain)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="frequency_net")


def _head(x, domain: str):
    if domain == "dct":
        return layers.GlobalAveragePooling2D(name="average")(x)
    x = convolve(x, 8, 1, "narrow")
    return layers.Flatten(name="flatten")(x)


BUILDERS = {"frequency_net": frequency_net}
