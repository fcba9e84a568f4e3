"""Augmentation on the device that trains, in keras.ops: a GPU then waits for no encoder but JPEG's.

The changes are those of the processor, up to the border (here the reflected edge is repeated) and
to what the random numbers are; they happen after the processor's.
"""

from __future__ import annotations

from collections.abc import Collection

import keras
import numpy as np
from keras import ops

from ..mirrored import ReplicaSeeds
from . import amounts
from .host import NAMES

ON_DEVICE = ("flip", "shift", "crop", "light", "colour", "noise", "cutout")


def split_host_and_device(
    names: Collection[str], on_gpu: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns which augmentations run on the processor, and which on the device.

    Args:
        names: of `NAMES`.
        on_gpu: whether a GPU trains; else all run on the processor.
    """
    device = [name for name in names if on_gpu and name in ON_DEVICE]
    return tuple(name for name in names if name not in device), tuple(device)


def device_augmentation(
    names: Collection[str], strength: float, seed: int
) -> DeviceAugmentation | None:
    """Returns a layer that changes pictures while training, None when it would do nothing.

    Args:
        names: of `ON_DEVICE`; others are left out.
        strength: 0 to 1.
        seed: of all draws.
    """
    known = tuple(name for name in NAMES if name in ON_DEVICE and name in names)
    return DeviceAugmentation(known, strength, seed) if known and strength > 0 else None


@keras.saving.register_keras_serializable("unmask")
class DeviceAugmentation(keras.layers.Layer):
    """Changes pictures `[n, height, width, 3]`, 0..255, to float32 of the same shape and range.

    Only with `training=True`. The results are whole numbers, as a decoder gives them. Draws
    follow from the seed, the epoch of the last `set_epoch`, the number of calls since, and the
    device where several train.
    """

    def __init__(self, names: Collection[str], strength: float, seed: int = 0, **options):
        options["dtype"] = "float32"  # bfloat16 has no room for 255 levels
        super().__init__(**options)
        self.names, self.strength, self.seed = tuple(names), float(strength), int(seed)
        self.generator = ReplicaSeeds(_seed(self.seed, 0))

    def set_epoch(self, epoch: int) -> None:
        """Starts the draws of an epoch, counted from 0, wherever the ones before it ended."""
        state = self.generator.state
        state.assign(np.array([_seed(self.seed, epoch), 0], dtype=state.dtype))

    def call(self, pictures, training=None):
        pictures = ops.cast(pictures, "float32")
        if not training:
            return pictures
        for name in self.names:
            pictures = _CHANGES[name](pictures, self.strength, self.generator)
        return ops.clip(ops.round(pictures), 0.0, 255.0)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"names": list(self.names), "strength": self.strength, "seed": self.seed}
        return {**super().get_config(), **own}


def _seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]) % 2**31


def _flip(pictures, strength, generator):
    mirrored = _draw(pictures, generator, 4) < 0.5
    return ops.where(mirrored, ops.flip(pictures, axis=2), pictures)


def _shift(pictures, strength, generator):
    height, width = pictures.shape[1:3]
    far = amounts.SHIFT * strength
    down, right = (
        ops.round(side * far * (2.0 * _draw(pictures, generator, 1) - 1.0))
        for side in (height, width)
    )
    one, zero = ops.ones_like(down), ops.zeros_like(down)
    moves = ops.stack([one, zero, -right, zero, one, -down, zero, zero], axis=-1)
    return _moved(pictures, moves, "nearest")


def _crop(pictures, strength, generator):
    height, width = pictures.shape[1:3]
    meets = _meets(pictures, strength, generator, 1)
    kept = 1.0 - amounts.CROPPED * strength * _draw(pictures, generator, 1)
    stretched = amounts.STRETCHED * strength * (2.0 * _draw(pictures, generator, 1) - 1.0)
    tall = ops.where(meets, kept, 1.0)
    wide = ops.where(meets, ops.minimum(kept * (1.0 + stretched), 1.0), 1.0)
    top = _draw(pictures, generator, 1) * (1.0 - tall) * height
    left = _draw(pictures, generator, 1) * (1.0 - wide) * width
    zero = ops.zeros_like(tall)
    # Pixel centres lie at halves.
    right, down = left + (wide - 1.0) / 2.0, top + (tall - 1.0) / 2.0
    moves = ops.stack([wide, zero, right, zero, tall, down, zero, zero], axis=-1)
    return _moved(pictures, moves, "bilinear")


def _light(pictures, strength, generator):
    contrast = amounts.CONTRAST * strength * (2.0 * _draw(pictures, generator, 4) - 1.0)
    brightness = amounts.BRIGHTNESS * strength * (2.0 * _draw(pictures, generator, 4) - 1.0)
    return _within((pictures - 127.5) * (1.0 + contrast) + 127.5 + brightness)


def _colour(pictures, strength, generator):
    turn = 2.0 * _draw(pictures, generator, 3) - 1.0
    stretch = 2.0 * _draw(pictures, generator, 3) - 1.0
    power = 2.0 * _draw(pictures, generator, 4) - 1.0
    angle = turn * strength * np.deg2rad(amounts.HUE)
    grey, same, turned = (ops.convert_to_tensor(m, "float32") for m in amounts.colour_matrices())
    matrix = grey + (1.0 + amounts.SATURATION * strength * stretch) * (
        ops.cos(angle) * same + ops.sin(angle) * turned
    )
    height, width = pictures.shape[1:3]
    flat = ops.reshape(pictures, (-1, height * width, 3))
    mixed = ops.reshape(ops.matmul(flat, ops.transpose(matrix, (0, 2, 1))), (-1, height, width, 3))
    exponent = ops.exp(np.log(2.0) * amounts.GAMMA * strength * power)
    # A root of nothing has no slope, and adversarial training asks for one.
    return 255.0 * ops.power(ops.maximum(_within(mixed), 1e-3) / 255.0, exponent)


def _noise(pictures, strength, generator):
    meets = _meets(pictures, strength, generator, 4)
    share = _draw(pictures, generator, 4) * strength
    grain = keras.random.normal(ops.shape(pictures), seed=generator)
    grey = _draw(pictures, generator, 4) < 0.5
    grain = ops.where(grey, grain[..., :1], grain)
    return _within(pictures + ops.where(meets, amounts.between(amounts.NOISE, share), 0.0) * grain)


def _cutout(pictures, strength, generator):
    height, width = pictures.shape[1:3]
    meets = _meets(pictures, strength, generator, 4)
    share = amounts.between(amounts.CUTOUT, _draw(pictures, generator, 4) * strength)
    half = share * min(height, width) / 2.0
    middle = _draw(pictures, generator, 4) * height
    centre = _draw(pictures, generator, 4) * width
    rows = np.arange(height, dtype="float32")[None, :, None, None] + 0.5
    columns = np.arange(width, dtype="float32")[None, None, :, None] + 0.5
    covered = ops.logical_and(ops.abs(rows - middle) < half, ops.abs(columns - centre) < half)
    return ops.where(ops.logical_and(meets, covered), float(amounts.CUTOUT_GREY), pictures)


_CHANGES = {
    "flip": _flip,
    "shift": _shift,
    "crop": _crop,
    "light": _light,
    "colour": _colour,
    "noise": _noise,
    "cutout": _cutout,
}


def _draw(pictures, generator, dimensions: int):
    """Returns a number of 0 to 1 for each picture, in a tensor of so many dimensions."""
    shape = (ops.shape(pictures)[0], *(1,) * (dimensions - 1))
    return keras.random.uniform(shape, seed=generator)


def _meets(pictures, strength, generator, dimensions: int):
    return _draw(pictures, generator, dimensions) < amounts.CHANCE * strength


def _moved(pictures, moves, interpolation: str):
    return ops.image.affine_transform(
        pictures,
        moves,
        interpolation=interpolation,
        fill_mode="reflect",
        data_format="channels_last",
    )


def _within(pictures):
    return ops.clip(pictures, 0.0, 255.0)
