"""Occlusion maps: how much a score falls when a place is covered; works for any scorer.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import UsageError

Scorer = Callable[[np.ndarray], np.ndarray]


def occlusion_maps(
    score: Scorer,
    pictures: np.ndarray,
    *,
    square: int | None = None,
    stride: int | None = None,
    batch_size: int = 64,
) -> np.ndarray:
    """Returns how much covering each place lowers P(fake), float32 `[n, height, width]`.

    A square of the picture's mean colour slides over it; a pixel gets the mean drop of the
    squares that covered it. Above 0 the place speaks for fake, below 0 for real; the unit is
    that of the score. Where a score sits at 0 or 1, covering one place may change nothing.

    Args:
        score: from uint8 `[n, height, width, 3]` to `[n]`.
        pictures: uint8 `[n, height, width, 3]`.
        square: side of the square in pixels; an eighth of the picture's shorter side when None.
        stride: pixels between two squares; half a square when None.
        batch_size: covered pictures scored at a time.

    Raises:
        UsageError: the square or the stride is below 1, the square does not fit, or the stride
            would leave pixels uncovered.
    """
    height, width = pictures.shape[1:3]
    square = max(1, min(height, width) // 8) if square is None else square
    stride = max(1, square // 2) if stride is None else stride
    if not (1 <= stride <= square <= min(height, width)):
        raise UsageError(
            f"A square of {square} pixels with a stride of {stride} cannot scan pictures of "
            f"{height}x{width}.",
            expected="1 <= stride <= square <= the shorter side",
        )
    places = [(top, left) for top in _starts(height, square, stride)
              for left in _starts(width, square, stride)]  # fmt: skip
    return (
        np.stack([_map(score, each, places, square, batch_size) for each in pictures])
        if len(pictures)
        else np.zeros((0, height, width), dtype=np.float32)
    )


def _map(
    score: Scorer,
    picture: np.ndarray,
    places: list[tuple[int, int]],
    square: int,
    batch_size: int,
) -> np.ndarray:
    """Returns the map of one picture, float32 [height, width]."""
    mean = picture.reshape(-1, picture.shape[2]).mean(axis=0).round().astype(picture.dtype)
    sums, counts = np.zeros(picture.shape[:2]), np.zeros(picture.shape[:2])
    before = float(score(picture[None])[0])
    for start in range(0, len(places), batch_size):
        part = places[start : start + batch_size]
        covered = np.repeat(picture[None], len(part), axis=0)
        for one, (top, left) in zip(covered, part, strict=True):
            one[top : top + square, left : left + square] = mean
        for after, (top, left) in zip(score(covered), part, strict=True):
            sums[top : top + square, left : left + square] += before - after
            counts[top : top + square, left : left + square] += 1
    return (sums / counts).astype(np.float32)


def _starts(length: int, square: int, stride: int) -> list[int]:
    """Returns where squares begin so that every pixel is covered, the last flush with the end."""
    starts = list(range(0, length - square + 1, stride))
    return starts if starts[-1] == length - square else [*starts, length - square]
