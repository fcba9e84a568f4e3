"""A network that brings residuals of single pixels to the grid of JPEG's blocks."""

from __future__ import annotations

import keras
from keras import layers

from ..layers import ColourPlanes
from ..parts import convolve, fake_unit, refuse_small
from .frequency import block_frequencies
from .residual import residual_front

SMALLEST = 32
BLOCK = 8


def grid_net(
    input_shape: tuple[int, int, int],
    *,
    front: str = "differences",
    truncation: float = 4.0,
    width: int = 16,
    blocks: int = 64,
    dropout: float = 0.2,
) -> keras.Model:
    """Grid network: residuals of each pixel joined to the frequencies of its 8x8 block.

    Residuals of brightness and both colour differences go through two convolutions at full
    resolution, then through one of 8x8 pixels that moves by a block at a time, so that it learns
    what each place in JPEG's grid means. Beside them stand the logarithms of the block's cosine
    transform. Two more convolutions see neighbouring blocks; the mean over all goes to the last
    unit. Crops should begin at multiples of 8 pixels.

    Source: our own, found by trials on few faces; of Fridrich and Kodovsky, 2012, IEEE TIFS 7:868
    (residuals) and Gueguen et al., 2018, NeurIPS 31 (networks on the frequencies of blocks).

    Args:
        input_shape: height, width, 3; at least 32x32.
        front: the filters of the residuals, see `residual_net`.
        truncation: residuals beyond this many grey levels are set to it.
        width: filters of the convolutions at full resolution.
        blocks: filters of all convolutions on blocks.
        dropout: share of the last features dropped while training.

    Raises:
        UsageError: an unknown front, or pictures smaller than 32x32 or not of 3 channels.
    """
    refuse_small("The grid network", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    x = residual_front(planes, front, truncation)
    x = convolve(convolve(x, width, 3, "pixel1"), width, 3, "pixel2")
    x = layers.Conv2D(blocks, BLOCK, strides=BLOCK, use_bias=False, name="to_blocks_conv")(x)
    x = layers.BatchNormalization(name="to_blocks_norm")(x)
    x = layers.Activation("relu", name="to_blocks_relu")(x)
    frequencies = convolve(block_frequencies(planes), blocks, 1, "frequencies")
    x = layers.Concatenate(name="joined")([x, frequencies])
    x = convolve(convolve(x, blocks, 3, "block1"), blocks, 1, "block2")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="grid_net")


BUILDERS = {"grid_net": grid_net}
