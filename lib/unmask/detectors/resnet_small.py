"""The residual network that its authors made for small pictures."""

from __future__ import annotations

import keras

from ..errors import UsageError
from .parts import fake_unit, refuse_small

SMALLEST = 4
STAGES = 3


def resnet_small(
    input_shape: tuple[int, int, int], *, depth: int = 20, dropout: float = 0.0
) -> keras.Model:
    """A residual network of 16, 32 and 64 filters, as made for pictures of 32x32 pixels.

    Source: He, Zhang, Ren and Sun, 2015, Deep residual learning for image recognition,
    arXiv:1512.03385, section 4.2, with its shortcuts without weights (option A).

    Args:
        input_shape: height, width, 3; at least 4x4.
        depth: layers with weights, 6 n + 2: 8, 14, 20, 26, 32, 44, 56, 110.
        dropout: share of the features dropped while training.

    Raises:
        UsageError: pictures too small, or another depth.
    """
    if depth < 8 or (depth - 2) % 6:
        raise UsageError(
            f"resnet_small cannot have {depth} layers.",
            expected="6 n + 2 of them: 8, 14, 20, 26, 32, 44, 56, 110",
        )

    refuse_small("The small residual network", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    x = keras.layers.Rescaling(1 / 255, name="to_unit_range")(inputs)
    x = resnet_small_features(x, depth=depth)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="resnet_small")


def resnet_small_features(x, *, depth: int = 20):
    """The layers of the small residual network between picture and last unit."""
    x = _normalized(_plain_convolution(x, 16, 1, "conv"), "norm")
    x = keras.layers.Activation("relu", name="relu")(x)
    for stage in range(1, STAGES + 1):
        for block in range(1, (depth - 2) // 6 + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual_block(x, 8 * 2**stage, strides, f"stage{stage}_block{block}")
    return keras.layers.GlobalAveragePooling2D(name="average")(x)


def _residual_block(x, filters: int, strides: int, name: str):
    shortcut = x
    x = _normalized(_plain_convolution(x, filters, strides, f"{name}_conv1"), f"{name}_norm1")
    x = keras.layers.Activation("relu", name=f"{name}_relu1")(x)
    x = _normalized(_plain_convolution(x, filters, 1, f"{name}_conv2"), f"{name}_norm2")
    if strides > 1:
        shortcut = keras.layers.MaxPooling2D(
            1, strides=strides, padding="same", name=f"{name}_every_second"
        )(shortcut)
        # Read with the channels first, the last axis to pad is that of the channels.
        half = filters // 4
        shortcut = keras.layers.ZeroPadding2D(
            ((0, 0), (half, half)), data_format="channels_first", name=f"{name}_more_channels"
        )(shortcut)
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.Activation("relu", name=f"{name}_relu2")(x)


def _plain_convolution(x, filters: int, strides: int, name: str):
    return keras.layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _normalized(x, name: str):
    return keras.layers.BatchNormalization(name=name)(x)
