"""A face's square of a picture, and the square that a detector was trained on."""

from __future__ import annotations

import cv2
import numpy as np

from .records import Face, Framing

# Up to this ratio of the sides a picture is taken for a square one, as `dataset.decode` does.
NEARLY_SQUARE = 1.03
# A picture whose overlap (IoU) with the wanted crop is at least this one is such a crop already.
SAME_CROP = 0.6
# Where the landmarks of a face looking into the camera lie: x and y from the centre of its box, in
# longer sides of the box. Medians over 400 portraits, mean of both finders, made symmetric.
TEMPLATE = np.array(
    [[-0.174, -0.110], [0.174, -0.110], [0.0, 0.097], [-0.158, 0.241], [0.158, 0.241]]
)


def crop_face(
    pixels: np.ndarray, face: Face, framing: Framing, size: int | None = None
) -> np.ndarray:
    """Cuts a square around a face; beyond the picture's border its edge pixels are repeated.

    Shrinks by area averaging, enlarges linearly. Without `align` and `size` no pixel is
    resampled.

    Args:
        pixels: uint8 `[height, width, 3]`.
        face: found in these pixels.
        framing: how much around the face, and whether to turn it upright.
        size: pixels of a side; None leaves the face at its own size.

    Returns:
        uint8 `[side, side, 3]`.
    """
    matrix, side = crop_matrix(face, framing)
    if framing.align:
        crop = cv2.warpAffine(
            pixels, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    else:
        left, top = (round(float(value)) for value in -matrix[:, 2])
        crop = _cut(pixels, left, top, side)
    return crop if size is None or size == side else _resize(crop, size)


def crop_matrix(face: Face, framing: Framing) -> tuple[np.ndarray, int]:
    """Returns the transform from the picture to the crop at the face's own size, and its side.

    Returns:
        A pair: float64 `[2, 3]`, as OpenCV's `warpAffine` takes it, and the side in pixels.
    """
    if framing.align:
        return _aligning_matrix(face, framing)
    longer = max(face.box[2], face.box[3])
    side = max(1, round(longer * (1 + framing.margin)))
    corner = np.array(face.center) + np.array(framing.offset) * longer - side / 2
    return np.array([[1.0, 0.0, -corner[0]], [0.0, 1.0, -corner[1]]]), side


def crop_as_trained(pixels: np.ndarray, face: Face, framing: Framing) -> np.ndarray:
    """Returns what a detector trained with `framing` should see of this face.

    That is the crop, unless the picture is one already: nearly square, and overlapping the wanted
    crop by an IoU of 0.6. Then the whole picture comes back untouched, because resampling would
    wipe the traces out that detectors look for. With a framing of the source "whole" it always
    does.
    """
    if framing.source == "whole" or is_such_a_crop(pixels.shape, face, framing):
        return pixels
    return crop_face(pixels, face, framing)


def is_such_a_crop(shape: tuple[int, ...], face: Face, framing: Framing) -> bool:
    """Whether a picture of this shape (height, width, ...) is framed as `framing` asks for."""
    height, width = shape[:2]
    if max(height, width) > NEARLY_SQUARE * min(height, width):
        return False
    matrix, side = crop_matrix(face, framing)
    turn = abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    if turn > 10:
        return False
    inverse = cv2.invertAffineTransform(matrix)
    center = inverse @ np.array([side / 2, side / 2, 1.0])
    reach = side * float(np.hypot(inverse[0, 0], inverse[1, 0])) / 2
    overlap_x = min(width, center[0] + reach) - max(0.0, center[0] - reach)
    overlap_y = min(height, center[1] + reach) - max(0.0, center[1] - reach)
    common = max(0.0, overlap_x) * max(0.0, overlap_y)
    return common / (width * height + (2 * reach) ** 2 - common) >= SAME_CROP


def _aligning_matrix(face: Face, framing: Framing) -> tuple[np.ndarray, int]:
    """A crop as of a face looking into the camera: the template placed as `framing` says."""
    turned, longer = _fit_similarity(TEMPLATE, face.landmarks)
    side = max(1, round(longer * (1 + framing.margin)))
    # from the crop to the picture: crop pixels -> units of the template -> picture
    to_units = np.array([[1, 0, -side / 2], [0, 1, -side / 2], [0, 0, longer]]) / longer
    to_units[:2, 2] += framing.offset
    to_picture = turned @ to_units
    return cv2.invertAffineTransform(to_picture[:2]), side


def _fit_similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares turn, scale and shift from one set of points to another.

    Umeyama's solution (IEEE PAMI 1991) for two dimensions, in complex numbers.

    Returns:
        A pair: float64 `[3, 3]`, and the scale.
    """
    first = source[:, 0] + 1j * source[:, 1]
    second = target[:, 0] + 1j * target[:, 1]
    spread = first - first.mean()
    factor = np.vdot(spread, second - second.mean()) / np.vdot(spread, spread).real
    if factor == 0:
        factor = 1e-6 + 0j
    shift = second.mean() - factor * first.mean()
    matrix = np.array(
        [
            [factor.real, -factor.imag, shift.real],
            [factor.imag, factor.real, shift.imag],
            [0.0, 0.0, 1.0],
        ]
    )
    return matrix, abs(factor)


def _cut(pixels: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    if left >= 0 and top >= 0 and left + side <= width and top + side <= height:
        return pixels[top : top + side, left : left + side].copy()
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return pixels[rows][:, columns]


def _resize(crop: np.ndarray, size: int) -> np.ndarray:
    how = cv2.INTER_AREA if len(crop) >= size else cv2.INTER_LINEAR
    return cv2.resize(crop, (size, size), interpolation=how)
