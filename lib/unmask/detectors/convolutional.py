"""Plain convolutional networks: the two reference ones and all that a search tries."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ..errors import UsageError
from .attention import attend
from .parts import refuse_low, refuse_widths

HEADS = ("flatten", "average")


def build_from_choices(
    input_shape: tuple[int, int, int],
    *,
    blocks: Sequence[int] = (32, 64),
    kernel: int = 3,
    dropout: float = 0.2,
    head: str = "flatten",
    skip: bool = False,
    attention: str = "none",
    name: str = "searched",
) -> keras.Model:
    """A convolutional network made from a few choices.

    Each block is conv, batch normalization, ReLU, the same again, and max pooling by two; then
    come dropout, the head and one sigmoid unit. ReLU follows the normalization as in Ioffe and
    Szegedy, 2015, arXiv:1502.03167: with it before, the flattened head saw much larger values
    and its validation loss jumped.

    Source: what the search of the teaching notebooks chose from, in blocks after Simonyan and
    Zisserman, 2014, arXiv:1409.1556.

    Args:
        input_shape: height, width, channels of the pictures.
        blocks: the filters of each block.
        kernel: side of the convolution kernels in pixels.
        dropout: share of the last block's values dropped while training, 0 to below 1.
        head: "flatten" keeps every position for the last unit, "average" one mean per channel.
        skip: adds the input of a block (through a 1x1 convolution) to its output.
        attention: at the end of each block, before the sum of `skip`: "none", "squeeze" weighs
            channels, "cbam" channels and places (see `attention`).
        name: the name of the model.

    Returns:
        A model from pixels 0..255 `[n, height, width, channels]` to float32 P(fake) `[n, 1]`.

    Raises:
        UsageError: the pictures are too small for so many blocks, there are none, a number is
            below 1, or `head` or `attention` is not known.
    """
    refuse_widths(name, blocks=blocks)
    refuse_low(name, kernel=kernel)
    if head not in HEADS:
        raise UsageError(f"There is no head {head!r}.", expected=" or ".join(HEADS))
    needed = 2 ** len(blocks)
    if min(input_shape[:2]) < needed:
        raise UsageError(
            f"Pictures of {input_shape[0]}x{input_shape[1]} pixels are too small for "
            f"{len(blocks)} blocks, each of which halves them.",
            expected=f"at least {needed}x{needed} pixels",
            fix="choose larger faces or fewer blocks",
        )
    inputs = keras.Input(input_shape, name="pixels")
    x = keras.layers.Rescaling(1 / 255, name="to_unit_range")(inputs)
    for number, filters in enumerate(blocks, start=1):
        x = _block(x, filters, kernel, skip, attention, name=f"block{number}")
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    pool = keras.layers.Flatten if head == "flatten" else keras.layers.GlobalAveragePooling2D
    x = pool(name=head)(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="fake")(x)
    return keras.Model(inputs, outputs, name=name)


def two_block(input_shape: tuple[int, int, int], *, dropout: float = 0.2) -> keras.Model:
    """Two blocks of 32 and 64 filters, flattened.

    Source: the smaller baseline of the teaching notebooks.
    """
    return build_from_choices(input_shape, blocks=(32, 64), dropout=dropout, name="two_block")


def four_block(input_shape: tuple[int, int, int], *, dropout: float = 0.2) -> keras.Model:
    """Four blocks of 32, 64, 128 and 256 filters, flattened.

    Source: the larger baseline of the teaching notebooks.
    """
    return build_from_choices(
        input_shape, blocks=(32, 64, 128, 256), dropout=dropout, name="four_block"
    )


def _block(x, filters: int, kernel: int, skip: bool, attention: str, name: str):
    shortcut = x
    for number in (1, 2):
        x = keras.layers.Conv2D(filters, kernel, padding="same", name=f"{name}_conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_norm{number}")(x)
        x = keras.layers.Activation("relu", name=f"{name}_relu{number}")(x)
    x = attend(x, attention, f"{name}_attention")
    if skip:
        shortcut = keras.layers.Conv2D(filters, 1, name=f"{name}_shortcut")(shortcut)
        x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.MaxPooling2D(name=f"{name}_pool")(x)


BUILDERS = {"two_block": two_block, "four_block": four_block, "searched": build_from_choices}
