"""MesoNet (Afchar et al., 2018, arXiv:1809.00888): two small networks for faces of videos."""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from ..parts import fake_unit, refuse_small
from .published import load_published

SMALLEST = 32
_SLOPE = 0.1


def meso4(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.5
) -> keras.Model:
    """Meso4: four small convolutions for the middle scale of faces.

    27,977 trained parameters at 256x256 pixels. Pixels are brought to 0..1 and every convolution
    is followed by ReLU, then normalization, then pooling. The published files name no leaky ReLU
    behind the first dense layer, the authors' code has one, and so has this.

    Source: Afchar et al., 2018, arXiv:1809.00888.

    Args:
        input_shape: height, width, 3; at least 32x32, and 256x256 for published weights.
        weights: "random" or the path of one of the authors' files (Meso4_DF, Meso4_F2F). Their
            last unit says P(real) and is turned here, see `published.load_published`.
        dropout: share of values dropped before each dense layer while training.

    Raises:
        UsageError: pictures smaller than 32x32 or not of 3 channels.
        DataError: the weights are missing, damaged or do not fit.
    """
    refuse_small("Meso4", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 255, name="to_unit_range")(inputs)
    for number, (filters, kernel, pool) in enumerate(
        ((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4)), start=1
    ):
        x = _convolution(x, filters, kernel, number)
        x = _normalise_and_pool(x, number, pool)
    return _finish(inputs, x, dropout, weights, "meso4")


def meso_inception4(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.5
) -> keras.Model:
    """MesoInception4: Meso4 with two blocks of dilated convolutions.

    28,615 trained parameters at 256x256 pixels. Each block joins 1x1, 3x3 and 3x3 convolutions
    spread by 2 and by 3 pixels.

    Source: Afchar et al., 2018, arXiv:1809.00888.

    Args:
        input_shape: height, width, 3; at least 32x32, and 256x256 for published weights.
        weights: "random" or the path of one of the authors' files (MesoInception_DF,
            MesoInception_F2F), turned as for `meso4`.
        dropout: share of values dropped before each dense layer while training.

    Raises:
        UsageError: pictures smaller than 32x32 or not of 3 channels.
        DataError: the weights are missing, damaged or do not fit.
    """
    refuse_small("MesoInception4", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 255, name="to_unit_range")(inputs)
    x = _normalise_and_pool(_inception(x, 1, 1), 1, 2)
    x = _normalise_and_pool(_inception(x, 2, 8), 2, 2)
    x = _normalise_and_pool(_convolution(x, 16, 5, 15), 3, 2)
    x = _normalise_and_pool(_convolution(x, 16, 5, 16), 4, 4)
    return _finish(inputs, x, dropout, weights, "meso_inception4")


def _inception(x, straight: int, first: int):
    """Returns four branches side by side; their convolutions are numbered from `first` on."""
    branches = [_convolution(x, straight, 1, first)]
    for place, (filters, dilation) in enumerate(((4, 1), (4, 2), (2, 3))):
        narrow = _convolution(x, filters, 1, first + 1 + 2 * place)
        branches.append(_convolution(narrow, filters, 3, first + 2 + 2 * place, dilation))
    return layers.Concatenate(name=f"branches{straight}")(branches)


def _convolution(x, filters: int, kernel: int, number: int, dilation: int = 1):
    return layers.Conv2D(
        filters,
        kernel,
        padding="same",
        dilation_rate=dilation,
        activation="relu",
        name=f"conv{number}",
    )(x)


def _normalise_and_pool(x, number: int, pool: int):
    x = layers.BatchNormalization(name=f"norm{number}")(x)
    return layers.MaxPooling2D(pool, padding="same", name=f"pool{number}")(x)


def _finish(inputs, x, dropout: float, weights: str | Path, name: str) -> keras.Model:
    x = layers.Dropout(dropout, name="dropout1")(layers.Flatten(name="flatten")(x))
    x = layers.LeakyReLU(negative_slope=_SLOPE, name="leaky")(layers.Dense(16, name="dense1")(x))
    x = layers.Dropout(dropout, name="dropout2")(x)
    model = keras.Model(inputs, fake_unit(x), name=name)
    if weights != "random":
        load_published(model, weights)
    return model


BUILDERS = {"meso4": meso4, "meso_inception4": meso_inception4}
