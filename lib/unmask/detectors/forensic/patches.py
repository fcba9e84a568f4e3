"""A network that judges small patches alone and lets them vote."""

from __future__ import annotations

import keras
from keras import layers

from ...errors import UsageError
from ..parts import convolve, fake_unit, refuse_small

SMALLEST = 64
WIDTHS = (128, 256, 728)
# Side in pixels of what a patch sees, by the number of blocks.
RECEPTIVE_FIELDS = {1: 19, 2: 43, 3: 91}


def patch_voting(
    input_shape: tuple[int, int, int], *, blocks: int = 2, dropout: float = 0.2
) -> keras.Model:
    """Votes of patches: the first blocks of Xception, one judgement a patch, their mean.

    Cut off early, a network sees 19, 43 or 91 pixels at a time (1, 2 or 3 blocks), so it must
    judge texture and cannot learn whole faces. The mean over patches is taken before the last
    unit: its logit is linear, so this is the mean of the patches' logits, which `patch_logits`
    gives one by one.

    Source: Chai et al., 2020, arXiv:2008.10588; blocks of Chollet, 2016, arXiv:1610.02357.

    Args:
        input_shape: height, width, 3; at least 64x64.
        blocks: of Xception's entry flow, 1 to 3.
        dropout: share of the features dropped while training.

    Raises:
        UsageError: another number of blocks, or pictures smaller than 64x64 or not of 3 channels.
    """
    refuse_small("The network of voting patches", input_shape, SMALLEST)
    if blocks not in RECEPTIVE_FIELDS:
        raise UsageError(
            f"Patches cannot be seen through {blocks} blocks.",
            expected="; ".join(f"{n} ({side} pixels)" for n, side in RECEPTIVE_FIELDS.items()),
        )
    inputs = keras.Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="to_plus_minus_one")(inputs)
    x = convolve(x, 32, 3, "stem1", strides=2)
    x = convolve(x, 64, 3, "stem2")
    for number, width in enumerate(WIDTHS[:blocks], start=1):
        x = _block(x, width, f"block{number}")
    x = layers.Activation("relu", name="patches")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="patch_voting")


def patch_logits(model: keras.Model) -> keras.Model:
    """Returns a model from pixels to each patch's logit, `[n, rows, columns, 1]`.

    Their mean is the logit of the picture; positive ones say fake. It has copies of the weights
    of `model`, a `patch_voting` network.
    """
    features = model.get_layer("patches").output
    unit = layers.Conv2D(1, 1, dtype="float32", name="patch_logits")
    patches = keras.Model(model.input, unit(features))
    kernel, bias = model.get_layer("fake").get_weights()
    unit.set_weights([kernel[None, None], bias])
    return patches


def _block(x, width: int, name: str):
    shortcut = convolve(x, width, 1, f"{name}_shortcut", strides=2, relu=False)
    for number in (1, 2):
        if number == 2 or not name.endswith("1"):
            x = layers.Activation("relu", name=f"{name}_relu{number}")(x)
        x = layers.SeparableConv2D(
            width, 3, padding="same", use_bias=False, name=f"{name}_separable{number}"
        )(x)
        x = layers.BatchNormalization(name=f"{name}_norm{number}")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.Add(name=f"{name}_add")([x, shortcut])


BUILDERS = {"patch_voting": patch_voting}
