"""Boxes: overlap, the best of those that overlap, and faces in other pixels."""

from __future__ import annotations

import numpy as np

from .records import Face


def overlaps(first: np.ndarray, second: np.ndarray, *, of_smaller: bool = False) -> np.ndarray:
    """Returns how much each box of `first` overlaps each of `second`.

    Args:
        first, second: float `[n, 4]` and `[m, 4]`: left, top, right, bottom.
        of_smaller: as a share of the smaller box; else of both together (IoU).

    Returns:
        float64 `[n, m]`, 0..1; 0 for boxes without area.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    corner = np.maximum(first[:, None, :2], second[None, :, :2])
    opposite = np.minimum(first[:, None, 2:4], second[None, :, 2:4])
    common = np.clip(opposite - corner, 0, None).prod(axis=-1)
    area, other = _areas(first)[:, None], _areas(second)[None, :]
    whole = np.minimum(area, other) if of_smaller else area + other - common
    return np.divide(common, whole, out=np.zeros_like(common), where=whole > 0)


def keep_best(
    boxes: np.ndarray, confidences: np.ndarray, most_overlap: float, *, of_smaller: bool = False
) -> np.ndarray:
    """Non-maximum suppression: places of boxes that no better one overlaps by more.

    Args:
        boxes: float `[n, 4]`: left, top, right, bottom.
        confidences: float `[n]`.
        most_overlap: see `overlaps`.
        of_smaller: see `overlaps`.

    Returns:
        int `[kept]`, best first.
    """
    order = np.argsort(-confidences, kind="stable")
    ranked = boxes[order]
    crowded = np.triu(overlaps(ranked, ranked, of_smaller=of_smaller) > most_overlap, k=1)
    return order[~crowded.any(axis=0)]


def corners(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Returns left, top, right, bottom of a box given as left, top, width, height."""
    left, top, width, height = box
    return left, top, left + width, top + height


def scaled(face: Face, across: float, down: float) -> Face:
    """Returns the face as in a picture that is so many times as wide and as high."""
    left, top, width, height = face.box
    box = (left * across, top * down, width * across, height * down)
    return Face(box, face.landmarks * np.array([across, down]), face.confidence)


def shifted(face: Face, right: float, down: float) -> Face:
    """Returns the face so many pixels further right and down."""
    left, top, width, height = face.box
    box = (left + right, top + down, width, height)
    return Face(box, face.landmarks + np.array([right, down]), face.confidence)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[:, 2:4] - boxes[:, :2], 0, None).prod(axis=-1)
