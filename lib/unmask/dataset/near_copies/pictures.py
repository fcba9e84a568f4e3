"""The files of pairs that look alike, opened again for a closer look."""

from __future__ import annotations

import numpy as np

from ...media import Rejected, kind_of
from ...media.images import decode_image
from ...media.videos import read_frame
from .fingerprints import shrink

LARGE_SIDE = 128


def load_large(path: str, frame: int) -> np.ndarray | None:
    """Returns the picture (of a clip the given frame) in grey, or None when it cannot be read.

    Returns:
        uint8 `[LARGE_SIDE, LARGE_SIDE]`.
    """
    try:
        if kind_of(path) == "video":
            pixels = read_frame(path, frame)
        else:
            with open(path, "rb") as stream:
                pixels = decode_image(stream.read()).pixels
    except (Rejected, OSError):
        return None
    return shrink(pixels, LARGE_SIDE)
