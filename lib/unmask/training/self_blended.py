"""Fakes made from real faces alone: a face blended with a changed copy of itself.

Shiohara and Yamasaki, 2022, "Detecting Deepfakes with Self-Blended Images" (arXiv:2204.08376). A
detector of such pictures learns the trace that face swaps share, a border between two statistics,
instead of what one generator looks like. The copy differs in colour and in sharpness or
resolution, and sits a little off; a deformed mask of the face says where it covers the original.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import UsageError
from .augmentation.amounts import colour_matrices

MASK_SIDE = 64  # masks are drawn this large and enlarged: they are smooth anyway
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
_MATRICES = colour_matrices()


def self_blend(
    picture: np.ndarray, generator: np.random.Generator, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """Returns a fake of a real picture, uint8 `[height, width, 3]`; outside the mask it is equal.

    Args:
        picture: uint8 RGB, a face that fills most of it.
        generator: draws everything.
        landmarks: float `[k, 2]`, x and y in pixels of points around the face (three or more); the
            mask is their convex hull. An ellipse about the middle without.

    Raises:
        UsageError: the landmarks span no area.
    """
    copy = _misplaced(_changed(picture, generator), generator)
    return _blend(picture, copy, face_mask(picture.shape[:2], generator, landmarks), generator)


def self_blended_pair(
    picture: np.ndarray, generator: np.random.Generator, landmarks: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a real picture and a fake of it, equal outside the mask, as training wants them.

    Half of the time it is the copy within the mask whose colour and sharpness are changed, half
    of the time all around it, in the real picture as well: so no change gives the fake away, only
    that two meet. Arguments and errors are those of `self_blend`.
    """
    if generator.random() < 0.5:
        return picture, self_blend(picture, generator, landmarks)
    around = _changed(picture, generator)
    copy = _misplaced(picture, generator)
    mask = face_mask(picture.shape[:2], generator, landmarks)
    return around, _blend(around, copy, mask, generator)


def self_blended_batch(
    pictures: np.ndarray,
    generator: np.random.Generator,
    landmarks: Sequence[np.ndarray | None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the reals and the fakes of `self_blended_pair`, both uint8 `[n, height, width, 3]`.

    Args:
        pictures: uint8 `[n, height, width, 3]`, real faces.
        generator: draws everything.
        landmarks: of each picture, or None.
    """
    points = [None] * len(pictures) if landmarks is None else landmarks
    pairs = [
        self_blended_pair(np.ascontiguousarray(picture), generator, each)
        for picture, each in zip(pictures, points, strict=True)
    ]
    reals, fakes = np.empty_like(pictures), np.empty_like(pictures)
    for place, (real, fake) in enumerate(pairs):
        reals[place], fakes[place] = real, fake
    return reals, fakes


def face_mask(
    shape: tuple[int, int], generator: np.random.Generator, landmarks: np.ndarray | None = None
) -> np.ndarray:
    """Returns where a copy of the face goes: float32 `[height, width]`, 0 outside to 1 inside.

    Args:
        shape: height and width of the picture.
        generator: draws part, deformation and softness.
        landmarks: as in `self_blend`.

    Raises:
        UsageError: the landmarks span no area.
    """
    size = min(MASK_SIDE, *shape)
    mask = _ellipse(size, generator) if landmarks is None else _hull(landmarks, shape, size)
    mask = _part(mask, generator)
    mask = _deformed(mask, generator)
    soft = cv2.GaussianBlur(mask, (0, 0), size * generator.uniform(0.01, 0.06))
    return cv2.resize(soft / max(1e-6, float(soft.max())), shape[::-1])


def _blend(around: np.ndarray, within: np.ndarray, mask: np.ndarray, generator) -> np.ndarray:
    mask = mask * np.float32(RATIOS[int(generator.random() * len(RATIOS))])
    return cv2.blendLinear(within, around, mask, 1 - mask)


def _changed(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns the picture in other colours, and sharpened or from fewer pixels."""
    angle, stretch, contrast = generator.uniform(-1, 1, 3) * (0.3, 0.3, 0.12)
    grey, same, turned = _MATRICES
    matrix = grey + (1 + stretch) * (np.cos(angle) * same + np.sin(angle) * turned)
    offset = generator.uniform(-20, 20, 3) - 127.5 * contrast
    copy = cv2.transform(picture, np.column_stack([(1 + contrast) * matrix, offset]))
    amount = generator.random()
    if generator.random() < 0.5:
        smooth = cv2.GaussianBlur(copy, (0, 0), 1.0)
        return cv2.addWeighted(copy, 1.4 + amount, smooth, -0.4 - amount, 0)
    height, width = copy.shape[:2]
    small = (
        max(2, round(width * (0.3 + 0.4 * amount))),
        max(2, round(height * (0.3 + 0.4 * amount))),
    )
    few = cv2.resize(copy, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)


def _misplaced(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns the picture stretched by up to 5% and moved by up to 3% of its sides."""
    height, width = picture.shape[:2]
    wide, tall = 1 + generator.uniform(-0.05, 0.05, 2)
    right, down = generator.uniform(-0.03, 0.03, 2) * (width, height)
    moves = np.array(
        [[wide, 0, right + width * (1 - wide) / 2], [0, tall, down + height * (1 - tall) / 2]]
    )
    return cv2.warpAffine(picture, moves, (width, height), borderMode=cv2.BORDER_REFLECT_101)


def _ellipse(size: int, generator: np.random.Generator) -> np.ndarray:
    across, along = generator.uniform((0.24, 0.3), (0.38, 0.42)) * size
    x, y = generator.uniform((0.45, 0.47), (0.55, 0.57)) * size
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    points = np.stack([x + across * np.cos(turns), y + along * np.sin(turns)], axis=1)
    return _filled(points, size)


def _hull(landmarks: np.ndarray, shape: tuple[int, int], size: int) -> np.ndarray:
    points = np.asarray(landmarks, dtype=np.float32).reshape(-1, 2)
    mask = np.zeros((size, size), np.float32)
    if len(points) > 2 and np.isfinite(points).all():
        hull = cv2.convexHull(points)[:, 0]
        if cv2.contourArea(hull) >= 1:
            mask = _filled(hull * (size / shape[1], size / shape[0]), size)
    if not mask.any():
        raise UsageError(
            f"The {len(points)} landmarks of a face span no area in the picture.",
            expected="x and y in pixels of at least three points around the face",
            fix="give None for this face: an ellipse takes their place",
        )
    return mask


def _filled(points: np.ndarray, size: int) -> np.ndarray:
    mask = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(mask, np.rint(points * 16).astype(np.int32), 1.0, cv2.LINE_8, 4)
    return mask


def _part(mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns the mask, or (a third of the time) only what lies above or below a line in it."""
    which, where = generator.random(2)
    rows = np.flatnonzero(mask.any(axis=1))
    line = round(rows[0] + (0.35 + 0.3 * where) * (rows[-1] - rows[0]))
    if which < 1 / 6:
        mask[:line] = 0
    elif which < 1 / 3:
        mask[line + 1 :] = 0
    return mask


def _deformed(mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    size = len(mask)
    coarse = generator.standard_normal((5, 5, 2), dtype=np.float32)
    moves = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC) * (0.025 * size)
    places = np.stack(np.meshgrid(*2 * [np.arange(size, dtype=np.float32)]), axis=-1)
    return cv2.remap(mask, places + moves, None, cv2.INTER_LINEAR)
