"""What both finders do around their networks: the smaller picture first, then a closer look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from ...errors import DataError
from .boxes import scaled, shifted
from .records import Face

LARGEST_SIDE = 1920  # pixels: what "full size" means for larger pictures, so that memory is bounded
LARGEST_BOX = 1.4  # of the picture's side: a face may be cut off by it
BORDER = 0.25  # of the shorter side, around a picture that a face may fill
BLUR = 0.1  # of the shorter side: the deviation by which the border is blurred
BORDERED_SIDES = (112, 56)  # pixels: the longer sides that such a picture is shrunk to, in turn


class SmallerFirst:
    """Searches a picture shrunk to `longer_side`, and only when no face was found, again:

    first at full size, for faces too small; then shrunk and with a border, for one that fills the
    picture or is cut off by it. (Of 12 and 6 in 400 DFDC crops that MTCNN and YuNet missed
    otherwise, that found 6 and 5; MTCNN's four in 400 of the demo too.)

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
        for found in self._searches(pixels):
            faces = [face for face in found if _is_possible(face, pixels.shape)]
            if faces:
                return sorted(faces, key=lambda face: -face.area)
        return []

    def _searches(self, pixels: np.ndarray) -> Iterator[list[Face]]:
        """What each search finds; the next one is made only when it is asked for."""
        yield self.search_at(pixels, self.longer_side, again=False)
        if max(pixels.shape[:2]) > self.longer_side:
            yield self.search_at(pixels, max(self.longer_side, LARGEST_SIDE), again=True)
        for side in BORDERED_SIDES:
            bordered, back = add_border(pixels, side)
            yield [back(face) for face in self.search_at(bordered, self.longer_side, again=False)]

    def search_at(self, pixels: np.ndarray, longer_side: float, again: bool) -> list[Face]:
        """Searches the picture shrunk to `longer_side`; returns faces in its own pixels."""
        small = _shrunk(pixels, longer_side)
        across, down = (pixels.shape[side] / small.shape[side] for side in (1, 0))
        return [scaled(face, across, down) for face in self.search(small, again)]


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


def add_border(
    pixels: np.ndarray, longer_side: int = BORDERED_SIDES[0]
) -> tuple[np.ndarray, Callable[[Face], Face]]:
    """Returns the picture shrunk, and around it its edge pixels, repeated and blurred.

    Returns:
        A pair: the bordered picture, and a function that brings a face found in it back into the
        pixels of `pixels`.
    """
    small = _shrunk(pixels, longer_side)
    height, width = small.shape[:2]
    border = round(BORDER * min(height, width))
    around = cv2.copyMakeBorder(small, *[border] * 4, cv2.BORDER_REPLICATE)
    around = cv2.GaussianBlur(around, (0, 0), max(1.0, BLUR * min(height, width)))
    around[border : border + height, border : border + width] = small
    across, down = pixels.shape[1] / width, pixels.shape[0] / height
    return around, lambda face: scaled(shifted(face, -border, -border), across, down)


def _is_possible(face: Face, shape: tuple[int, ...]) -> bool:
    """Whether a box lies in the picture, and is not much larger: networks do err."""
    height, width = shape[:2]
    return bool(
        np.isfinite(face.landmarks).all()
        and 1 < face.box[2] < LARGEST_BOX * width
        and 1 < face.box[3] < LARGEST_BOX * height
        and 0 < face.center[0] < width
        and 0 < face.center[1] < height
    )


def _shrunk(pixels: np.ndarray, longer_side: float) -> np.ndarray:
    """The picture with at most that longer side."""
    height, width = pixels.shape[:2]
    scale = longer_side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
