"""ResNet50 that looks at every pixel before it makes the picture smaller."""

from __future__ import annotations

from pathlib import Path

import keras

from ..parts import refuse_small
from ..resnet50 import resnet50

SMALLEST = 32
_STEM = ("conv1_conv", "pool1_pool")


def resnet50_no_downsampling(
    input_shape: tuple[int, int, int], *, weights: str | Path = "random", dropout: float = 0.2
) -> keras.Model:
    """ResNet50 without early down-sampling: the stem keeps every pixel.

    The first convolution and the max pooling behind it move by one pixel instead of two, so that
    traces of single pixels reach the first stage. The parameters are ResNet50's own (23,587,712
    without its top), its arithmetic is 16 times as much: train it on crops, or on a GPU.

    Source: Gragnaniello et al., 2021, arXiv:2104.02617.

    Args:
        input_shape: height, width, 3; at least 32x32.
        weights: as for `resnet50`.
        dropout: share of the features dropped while training.

    Raises:
        UsageError: pictures smaller than 32x32 or not of 3 channels.
        DataError: the weights are missing, damaged or of another network.
    """
    refuse_small("ResNet50 without early down-sampling", input_shape, SMALLEST)
    usual = resnet50(input_shape, weights=weights, dropout=dropout)

    def copy_layer(layer):
        config = layer.get_config()
        if layer.name in _STEM:
            config["strides"] = (1, 1)
        return type(layer).from_config(config)

    model = keras.models.clone_model(usual, clone_function=copy_layer)
    model.set_weights(usual.get_weights())
    return keras.Model(model.input, model.output, name="resnet50_no_downsampling")


BUILDERS = {"resnet50_no_downsampling": resnet50_no_downsampling}
