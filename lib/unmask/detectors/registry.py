"""Which networks there are, and building one by its name."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from ..errors import UsageError, nearest
from . import classical, convolutional, forensic, teaching, transfer
from .resnet50 import resnet50

_BUILDERS = {
    **convolutional.BUILDERS,
    **teaching.BUILDERS,
    "resnet50": resnet50,
    **transfer.BUILDERS,
    **forensic.BUILDERS,
    **classical.BUILDERS,
}


def names() -> tuple[str, ...]:
    """Returns the names that `build` knows."""
    return tuple(_BUILDERS)


def describe(name: str) -> str:
    """Returns what the network called `name` is, a few words for the reader of a report."""
    return inspect.getdoc(_BUILDERS[name]).splitlines()[0].rstrip(".")


def build(name: str, input_shape: tuple[int, int, int], **options: Any) -> keras.Model:
    """Builds the network called `name`, with fresh weights (seed Keras first to repeat them).

    Example:
        model = build("two_block", (128, 128, 3), dropout=0.2)

    Args:
        name: one of `names()`.
        input_shape: height, width, channels of the pictures.
        **options: what the network's own function takes.

    Returns:
        A model from uint8 or float pixels 0..255 to float32 P(fake) `[n, 1]`.

    Raises:
        UsageError: unknown name or option, or pictures too small for the network.
        DataError: weights that cannot be had.
    """
    if name not in _BUILDERS:
        raise UsageError(
            f"There is no detector {name!r}.{nearest(name, _BUILDERS)}",
            expected="one of " + ", ".join(_BUILDERS),
        )
    known = [option for option in inspect.signature(_BUILDERS[name]).parameters][1:]
    for option in options:
        if option not in known:
            raise UsageError(
                f"The detector {name} has no option {option!r}.{nearest(option, known)}",
                expected="one of " + ", ".join(known),
            )
    return _BUILDERS[name](tuple(input_shape), **options)
