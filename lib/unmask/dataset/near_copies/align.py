"""Lays one picture over another: many pairs at a time, by least squares."""

from __future__ import annotations

import cv2
import numpy as np

RIM = 1 / 16  # of the side: an alignment may move it out of the picture, so it does not count
FARTHEST_CORNER = 0.15  # how far a corner may move, as a share of the side
MOST_SKEWED = 0.06
HOW = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def align(
    first: np.ndarray, second: np.ndarray, use: np.ndarray, warps: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the affine warp and the change of brightness that make `first` look like `second`.

    Inverse compositional Lucas-Kanade (Baker and Matthews 2004), with a gain and an offset.

    Args:
        first, second: float32 `[m, side, side]`, smooth.
        use: float32 `[m, side, side]`: 1 where `second` counts, else 0.
        warps: float32 `[m, 2, 3]`, first guesses: from places in `second` to places in `first`.
        steps: of the descent.

    Returns:
        The warps found, and for each if it is one that a light crop could have made: bool `[m]`.
    """
    side = second.shape[1]
    slopes, solve = _prepare(second, use)
    matrices = np.tile(np.eye(3, dtype=np.float32), (len(warps), 1, 1))
    matrices[:, :2] = warps
    half = (side - 1) / 2
    for _ in range(steps):
        moved = warp_all(first, matrices[:, :2]).reshape(len(first), -1, 1)
        found = (solve @ (slopes.swapaxes(1, 2) @ moved))[:, :, 0]
        step = found[:, :6] / np.maximum(found[:, 6:7], 0.2)
        step = np.clip(step, -0.1 * side, 0.1 * side).reshape(-1, 2, 3)
        change = np.tile(np.eye(3, dtype=np.float32), (len(step), 1, 1))
        change[:, :2, :2] += step[:, :, :2] / half
        change[:, :2, 2] += step[:, :, 2] - step[:, :, :2].sum(2)
        matrices = (matrices @ np.linalg.inv(change)).astype(np.float32)
        matrices = np.where(np.isfinite(matrices).all((1, 2), keepdims=True), matrices, change * 0)
    return matrices[:, :2], _plausible(matrices[:, :2], side)


def _prepare(pictures: np.ndarray, use: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns what each unknown does to each pixel, `[m, pixels, 8]`, and what solves for it."""
    count, side = pictures.shape[:2]
    centred = pictures - pictures.mean((1, 2), keepdims=True)
    down, across = np.gradient(centred, axis=(1, 2))
    places = np.linspace(-1, 1, side, dtype=np.float32)
    column, row = np.broadcast_to(places, (side, side)), np.repeat(places, side).reshape(side, side)
    parts = [across * column, across * row, across, down * column, down * row, down]
    slopes = np.stack([*parts, centred, np.ones_like(centred)], -1)
    rim = max(1, round(side * RIM))
    inside = np.zeros((side, side), np.float32)
    inside[rim : side - rim, rim : side - rim] = 1
    slopes = (slopes * (use * inside)[..., None]).reshape(count, side * side, 8)
    normal = slopes.swapaxes(1, 2) @ slopes
    size = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    ridge = (1e-6 * size + 1e-3) * np.eye(8, dtype=np.float32)
    return slopes, np.linalg.inv(normal + ridge).astype(np.float32)


def _plausible(warps: np.ndarray, side: int) -> np.ndarray:
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]], np.float32)
    moved = np.abs(corners @ warps.swapaxes(1, 2) - corners[:, :2]).max((1, 2)) / side
    skew = np.maximum(np.abs(warps[:, 0, 1]), np.abs(warps[:, 1, 0]))
    return (moved < FARTHEST_CORNER) & (skew < MOST_SKEWED)


def warp_all(pictures: np.ndarray, warps: np.ndarray) -> np.ndarray:
    """Returns each picture seen through its warp, its edge repeated: float32, as `pictures`."""
    size = pictures.shape[:0:-1]
    moved = np.empty(pictures.shape, np.float32)
    for place, (picture, warp) in enumerate(zip(pictures, warps, strict=True)):
        moved[place] = cv2.warpAffine(
            picture, warp, size, flags=HOW, borderMode=cv2.BORDER_REPLICATE
        )
    return moved


def is_inside(warps: np.ndarray, side: int) -> np.ndarray:
    """Says which places a warp takes from within the picture: bool `[m, side, side]`."""
    places = np.arange(side, dtype=np.float32)
    column, row = np.broadcast_to(places, (side, side)), np.repeat(places, side).reshape(side, side)
    grid = np.stack([column.ravel(), row.ravel(), np.ones(side * side, np.float32)])
    seen = (warps @ grid).reshape(len(warps), 2, side, side)
    return ((seen >= -0.01) & (seen <= side - 0.99)).all(1)


def larger_first(
    first: np.ndarray, second: np.ndarray, warps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns pairs and warps such that no first picture is a part of the second, but for shifts.

    What lies outside of the first picture is unknown and would draw the alignment off.
    """
    smaller = np.linalg.det(warps[:, :, :2]) > 1
    square = np.tile(np.eye(3, dtype=np.float32), (len(warps), 1, 1))
    square[:, :2] = warps
    square[smaller] = np.linalg.inv(square[smaller])
    chosen = smaller[:, None, None]
    return np.where(chosen, second, first), np.where(chosen, first, second), square[:, :2]


def crop_warp(side: int, part: float) -> np.ndarray:
    """Returns the warp that cuts out the middle `part` of a picture: float32 `[2, 3]`."""
    shift = (1 - part) * (side - 1) / 2
    return np.array([[part, 0, shift], [0, part, shift]], np.float32)


def rescale_warps(warps: np.ndarray, small: int, large: int) -> np.ndarray:
    """Returns warps found on pictures of side `small` as they apply to pictures of side `large`."""
    warps = np.array(warps, np.float32)
    factor = large / small
    middle = (factor - 1) / 2  # pixels are squares, their places are the middles
    warps[:, :, 2] = factor * warps[:, :, 2] + middle - warps[:, :, :2].sum(2) * middle
    return warps
