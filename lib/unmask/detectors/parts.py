"""What every family of detectors has in common: the refusal of small pictures and the last unit."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import keras

from ..errors import UsageError


def refuse_small(name: str, input_shape: tuple[int, int, int], smallest: int) -> None:
    """Refuses pictures below `smallest` pixels a side, or not of 3 channels.

    Raises:
        UsageError: that names the smallest side.
    """
    if min(input_shape[:2]) < smallest or input_shape[2] != 3:
        raise UsageError(
            f"{name} cannot take pictures of shape {tuple(input_shape)}.",
            expected=f"at least {smallest}x{smallest} pixels and 3 channels",
            fix="choose larger faces or another detector",
        )


def refuse_low(name: str, smallest: int = 1, **options: int) -> None:
    """Refuses options of the detector `name` that are no whole numbers of at least `smallest`.

    Example:
        refuse_low("thumbnail", side=side)

    Raises:
        UsageError: that names the option.
    """
    for option, value in options.items():
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or value < smallest:
            raise UsageError(
                f"{option} of the detector {name} cannot be {value!r}.",
                expected=f"a whole number of at least {smallest}",
            )


def refuse_widths(name: str, **options: Sequence[int]) -> None:
    """Refuses options of the detector `name` that are no lists of filters, at least 1 each.

    Raises:
        UsageError: that names the option.
    """
    for option, values in options.items():
        if isinstance(values, str | bytes) or not isinstance(values, Sequence) or not values:
            raise UsageError(
                f"{option} of the detector {name} cannot be {values!r}.",
                expected="a list of whole numbers, such as [32, 64]",
            )
        for value in values:
            refuse_low(name, **{option: value})


def fake_unit(features, *, start: str = "glorot_uniform"):
    """Returns P(fake), float32 `[n, 1]`, of features `[n, numbers]`.

    Args:
        features: what the detector knows of a picture.
        start: the initializer of the weights; "zeros" where the unit is fitted, not trained.
    """
    unit = keras.layers.Dense(
        1, activation="sigmoid", kernel_initializer=start, dtype="float32", name="fake"
    )
    return unit(features)


def convolve(x, filters: int, kernel: int, name: str, *, strides: int = 1, relu: bool = True):
    """Returns convolution, batch normalization and (with `relu`) ReLU of `x`."""
    layer = keras.layers.Conv2D(
        filters, kernel, strides=strides, padding="same", use_bias=False, name=f"{name}_conv"
    )
    x = keras.layers.BatchNormalization(name=f"{name}_norm")(layer(x))
    return keras.layers.Activation("relu", name=f"{name}_relu")(x) if relu else x
