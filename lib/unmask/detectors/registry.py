"""Which networks there are, what they are, and building one by its name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from numbers import Integral
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
    return inspect.getdoc(_builder(name)).splitlines()[0].rstrip(".")


def source(name: str) -> str:
    """Returns where the network called `name` comes from: paper and number, or a few words.

    It is the paragraph of the function's docstring that begins with "Source:", else its first
    sentence with the number of a paper.
    """
    text = inspect.getdoc(_builder(name)).split("\nArgs:")[0]
    for paragraph in text.split("\n\n"):
        words = " ".join(paragraph.split())
        if words.startswith("Source: "):
            return words.removeprefix("Source: ").rstrip(".")
    for sentence in re.split(r"(?<=\.)\s+(?=[A-Z])", text):
        if re.search(r"arXiv:|doi:", sentence):
            return " ".join(sentence.split()).rstrip(".")
    return ""


def options(name: str) -> dict[str, Any]:
    """Returns the options of the network called `name` and their defaults."""
    parameters = list(inspect.signature(_builder(name)).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in parameters}


def smallest(name: str, **options: Any) -> int:
    """Returns the smallest side in pixels of the pictures that the network can take.

    Asked of the network itself, whose refusal of a picture of one pixel names it.
    """
    try:
        build(name, (1, 1, 3), **options)
    except UsageError as error:
        side = re.match(r"at least (\d+)x\1 pixels", error.expected)
        if not side:
            raise
        return int(side[1])
    return 1


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
        UsageError: unknown name or option, a value that an option cannot have, or pictures that
            are too small for the network or have no height, width and channels.
        DataError: weights that cannot be had.
    """
    builder = _builder(name)
    known = [option for option in inspect.signature(builder).parameters][1:]
    for option in options:
        if option not in known:
            raise UsageError(
                f"The detector {name} has no option {option!r}.{nearest(option, known)}",
                expected="one of " + ", ".join(known),
            )
    shape = tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(side, Integral) and side > 0 for side in shape):
        raise UsageError(
            f"Pictures cannot be of shape {shape}.", expected="height, width, channels"
        )
    try:
        return builder(shape, **options)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _not_built(name, shape, options, error) from error


def _not_built(name: str, shape: tuple, given: dict[str, Any], error: Exception) -> UsageError:
    """Returns what to say when Keras or Python takes the options for impossible."""
    words = ", ".join(f"{option}: {value!r}" for option, value in given.items())
    usual = ", ".join(f"{option}: {value!r}" for option, value in options(name).items())
    why = str(error).strip().splitlines()
    return UsageError(
        f"The detector {name} cannot be built for pictures of shape {shape} with "
        f"{words or 'its usual options'} ({type(error).__name__}{f': {why[0]}' if why else ''}).",
        expected=f"options such as {usual}" if usual else "no options",
    )


def _builder(name: str) -> Callable[..., keras.Model]:
    if name not in _BUILDERS:
        raise UsageError(
            f"There is no detector {name!r}.{nearest(name, _BUILDERS)}",
            expected="one of " + ", ".join(_BUILDERS),
        )
    return _BUILDERS[name]
