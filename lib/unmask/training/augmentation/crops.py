"""Random crops, cut so that re-encoding changes them as it would change the whole face."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ...errors import UsageError

ENCODERS = ("jpeg", "webp", "resave")
# Pixels that JPEG with halved chroma, and WebP, encode together.
BLOCK = 16
# Crops begin where JPEG's blocks of brightness do: traces on that grid are then where they are in
# whole faces, which detectors of such traces rely on.
GRID = 8


def cut(
    pixels: np.ndarray,
    rows: np.ndarray,
    side: int,
    generator: np.random.Generator,
    names: Collection[str] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a part around a random crop of each picture, and where in the part the crop lies.

    An encoder cuts a face into blocks from its upper left corner on, and what it leaves behind
    depends on them. So crops begin at borders of blocks, and where an encoder follows, the part
    begins and ends at them.

    Args:
        pixels: uint8 `[N, height, width, 3]`.
        rows: int `[n]`, places in `pixels`.
        side: of the crop, in pixels.
        generator: draws the places.
        names: of the augmentations to come.

    Returns:
        uint8 `[n, h, w, 3]`, and int `[n, 2]`: top and left of the crop within it.

    Raises:
        UsageError: the pictures are smaller than the crop.
    """
    check_side(side, pixels.shape)
    tops, lefts = (
        GRID * generator.integers(0, (whole - side) // GRID + 1, len(rows))
        for whole in pixels.shape[1:3]
    )
    if not set(names) & set(ENCODERS):
        parts = [
            pixels[row, top : top + side, left : left + side]
            for row, top, left in zip(rows, tops, lefts, strict=True)
        ]
        return np.stack(parts), np.zeros((len(rows), 2), dtype=int)
    reach = -(-side // BLOCK) * BLOCK + BLOCK
    height, width = (min(reach, whole) for whole in pixels.shape[1:3])
    down = np.minimum(tops // BLOCK * BLOCK, pixels.shape[1] - height)
    right = np.minimum(lefts // BLOCK * BLOCK, pixels.shape[2] - width)
    parts = [
        pixels[row, top : top + height, left : left + width]
        for row, top, left in zip(rows, down, right, strict=True)
    ]
    return np.stack(parts), np.stack([tops - down, lefts - right], axis=1)


def trim(parts: np.ndarray, places: np.ndarray, side: int) -> np.ndarray:
    """Returns the crops uint8 `[n, side, side, 3]` within the parts that `cut` gave."""
    if parts.shape[1:3] == (side, side):
        return parts
    crops = [
        part[top : top + side, left : left + side]
        for part, (top, left) in zip(parts, places, strict=True)
    ]
    return np.stack(crops)


def check_side(side: int, shape: tuple[int, ...]) -> None:
    """Raises a UsageError when pictures of `shape` `[N, height, width, 3]` are below `side`."""
    if side > min(shape[1:3]):
        raise UsageError(
            f"Crops of {side} pixels do not fit into faces of {shape[1]} by {shape[2]}.",
            expected=f"a crop of at most {min(shape[1:3])}",
            fix="lower crop, or preprocess the faces at a larger size",
        )
