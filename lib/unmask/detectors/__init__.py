"""Networks by name. Each takes uint8 or float pixels 0..255 and gives float32 P(fake)."""

from .convolutional import build_from_choices
from .registry import build, describe, names, options, smallest, source
from .trainable import PARTS, set_trainable, stages

__all__ = [
    "PARTS",
    "build",
    "build_from_choices",
    "describe",
    "names",
    "options",
    "set_trainable",
    "smallest",
    "source",
    "stages",
]
