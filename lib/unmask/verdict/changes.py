"""The mild changes that a verdict has to survive: what a picture meets when it is passed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from ..dataset.equalise import Equaliser
from ..dataset.squares import square


@dataclass(frozen=True)
class Change:
    """A mild change: `words` say what was done, `apply` does it to uint8 `[h, w, 3]`, RGB."""

    words: str
    apply: Callable[[np.ndarray], np.ndarray]


def _jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    # OpenCV takes the channels for BGR: turned for it, and turned back.
    data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def _shrunk(pixels: np.ndarray, factor: float) -> np.ndarray:
    height, width = (max(2, round(side * factor)) for side in pixels.shape[:2])
    return cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_AREA)


CHANGES = {
    "jpeg_90": Change("saved once more as JPEG of quality 90", lambda face: _jpeg(face, 90)),
    "jpeg_75": Change("saved once more as JPEG of quality 75", lambda face: _jpeg(face, 75)),
    "resize_0.75": Change("shrunk to three quarters", lambda face: _shrunk(face, 0.75)),
}


def variants_of(crop: np.ndarray, size: int, equaliser: Equaliser) -> np.ndarray:
    """Returns a face as it is and after each of CHANGES, as the networks see it.

    Args:
        crop: uint8 `[h, w, 3]`, cut out as training saw it, at its own size.
        size: of the networks' pictures.
        equaliser: what training brought every face to.

    Returns:
        uint8 `[1 + changes, size, size, 3]`; number 0 is unchanged.
    """
    versions = [crop, *(change.apply(crop) for change in CHANGES.values())]
    return np.stack([square(np.ascontiguousarray(each), size, equaliser) for each in versions])
