"""Blocks of attention: a network weighs its own channels, and its own places, by what it sees."""

from __future__ import annotations

import keras

from ..errors import UsageError, nearest
from .layers.over_channels import MeanAndLargest

ATTENTIONS = ("none", "squeeze", "cbam")
REDUCTION = 16  # of the channels in the small dense layers, as both papers recommend
PLACES_KERNEL = 7


def attend(x, kind: str, name: str):
    """Returns `x` behind the block of attention called `kind`, or `x` itself for "none".

    Args:
        x: symbolic maps `[n, height, width, channels]`.
        kind: one of `ATTENTIONS`.
        name: what the names of the new layers begin with.

    Raises:
        UsageError: `kind` is not known.
    """
    if kind not in ATTENTIONS:
        raise UsageError(
            f"There is no attention {kind!r}.{nearest(kind, ATTENTIONS)}",
            expected="one of " + ", ".join(ATTENTIONS),
        )
    blocks = {"squeeze": squeeze_and_excitation, "cbam": convolutional_attention}
    return blocks[kind](x, name=name) if kind in blocks else x


def squeeze_and_excitation(x, *, reduction: int = REDUCTION, name: str = "squeeze"):
    """Multiplies each channel of `x` by a weight of 0 to 1 made from the means of all channels.

    Source: Hu, Shen, Albanie, Sun and Wu, 2017, Squeeze-and-excitation networks,
    arXiv:1709.01507.

    Args:
        x: symbolic maps `[n, height, width, channels]`.
        reduction: the small dense layer has the channels divided by this, at least one unit.
        name: what the names of the layers begin with.
    """
    channels = x.shape[-1]
    weights = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    weights = _narrow(channels, reduction, f"{name}_narrow")(weights)
    weights = keras.layers.Dense(channels, activation="sigmoid", name=f"{name}_excite")(weights)
    return keras.layers.Multiply(name=f"{name}_scale")([x, weights])


def convolutional_attention(
    x, *, reduction: int = REDUCTION, kernel: int = PLACES_KERNEL, name: str = "cbam"
):
    """Weighs the channels of `x` by their means and maxima, then its places likewise (CBAM).

    Source: Woo, Park, Lee and Kweon, 2018, CBAM: Convolutional block attention module,
    arXiv:1807.06521.

    Args:
        x: symbolic maps `[n, height, width, channels]`.
        reduction: the small dense layer has the channels divided by this, at least one unit.
        kernel: side in pixels of the convolution that weighs places.
        name: what the names of the layers begin with.
    """
    channels = x.shape[-1]
    narrow = _narrow(channels, reduction, f"{name}_narrow")
    widen = keras.layers.Dense(channels, name=f"{name}_widen")
    average = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_average")(x)
    largest = keras.layers.GlobalMaxPooling2D(keepdims=True, name=f"{name}_largest")(x)
    weights = keras.layers.Add(name=f"{name}_sum")([widen(narrow(average)), widen(narrow(largest))])
    weights = keras.layers.Activation("sigmoid", name=f"{name}_channel_weights")(weights)
    x = keras.layers.Multiply(name=f"{name}_weigh_channels")([x, weights])
    places = MeanAndLargest(name=f"{name}_over_channels")(x)
    places = keras.layers.Conv2D(
        1, kernel, padding="same", activation="sigmoid", name=f"{name}_place_weights"
    )(places)
    return keras.layers.Multiply(name=f"{name}_weigh_places")([x, places])


def _narrow(channels: int, reduction: int, name: str) -> keras.layers.Dense:
    return keras.layers.Dense(max(1, channels // reduction), activation="relu", name=name)
