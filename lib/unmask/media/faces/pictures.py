"""The smaller picture first: what both finders do around their networks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import DataError
from .boxes import scaled
from .records import Face

LARGEST_SIDE = 1920  # pixels: what "full size" means for larger pictures, so that memory is bounded


class SmallerFirst:
    """Searches a picture shrunk to `longer_side`; at full size only when no face was found.

    A finder derives from it and gives `search`.
    """

    def __init__(self, longer_side: int):
        self.longer_side = longer_side

    def search(self, pixels: np.ndarray, again: bool) -> list[Face]:
        """Returns the faces of one picture in its own pixels.

        Args:
            pixels: uint8 `[height, width, 3]`, RGB.
            again: the smaller picture showed none; look more closely.
        """
        raise NotImplementedError

    def find(self, pictures: Sequence[np.ndarray]) -> list[list[Face]]:
        """See `FaceFinder`."""
        return [self._find_in(check_pixels(pixels)) for pixels in pictures]

    def _find_in(self, pixels: np.ndarray) -> list[Face]:
        faces = self.search_at(pixels, self.longer_side, again=False)
        if not faces:
            faces = self.search_at(pixels, max(self.longer_side, LARGEST_SIDE), again=True)
        return sorted(faces, key=lambda face: -face.area)

    def search_at(self, pixels: np.ndarray, longer_side: float, again: bool) -> list[Face]:
        """Searches the picture shrunk to `longer_side`; returns faces in its own pixels."""
        small = _shrunk(pixels, longer_side)
        across, down = (pixels.shape[side] / small.shape[side] for side in (1, 0))
        found = (face for face in self.search(small, again) if _is_possible(face, small.shape))
        return [scaled(face, across, down) for face in found]


def check_pixels(pixels: np.ndarray) -> np.ndarray:
    """Returns `pixels` when they are a picture.

    Raises:
        DataError: not uint8 `[height, width, 3]`.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise DataError(
            f"Faces cannot be searched in {pixels.dtype} of the shape {pixels.shape}.",
            expected="uint8 pixels of the shape [height, width, 3], RGB",
            fix="decode pictures with unmask.media.images.decode_image",
        )
    return pixels


def _is_possible(face: Face, shape: tuple[int, ...]) -> bool:
    """Whether a box lies in the picture at all, and is not far larger: networks do err."""
    sides = np.array(face.box[2:])
    return bool(
        np.isfinite(face.landmarks).all()
        and np.isfinite(face.box).all()
        and (sides > 1).all()
        and (sides < 2 * max(shape[:2])).all()
        and 0 < face.center[0] < shape[1]
        and 0 < face.center[1] < shape[0]
    )


def _shrunk(pixels: np.ndarray, longer_side: float) -> np.ndarray:
    """The picture with at most that longer side."""
    height, width = pixels.shape[:2]
    scale = longer_side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
