"""The eight ways to lay a square picture: quarter turns, with and without a mirror."""

from __future__ import annotations

import numpy as np

SYMMETRIES = (
    "as it is",
    "turned by 90 degrees",
    "turned by 180 degrees",
    "turned by 270 degrees",
    "mirrored",
    "mirrored and turned by 90 degrees",
    "upside down",
    "mirrored and turned by 270 degrees",
)
# Quarter turns the other way; every mirrored way undoes itself.
INVERSE = np.array([0, 3, 2, 1, 4, 5, 6, 7])


def lay(pictures: np.ndarray, symmetry: int) -> np.ndarray:
    """Returns a view of pictures `[..., side, side]` laid as `SYMMETRIES[symmetry]` says.

    Mirrored first (left and right change places), then turned counterclockwise.
    """
    if symmetry >= 4:
        pictures = pictures[..., ::-1]
    return np.rot90(pictures, symmetry % 4, axes=(-2, -1))
