"""Whether a face shows enough to be judged: its size and its sharpness.

`MINIMUM_SHARPNESS` was chosen by measurement on 1,314 faces (FFHQ portraits, DFDC crops, frames of
FaceForensics++, the demo): one of them is below it. Of their copies blurred with a deviation of 4%
of the face all are, of 3% between 95% and 100%, of 2% between 13% and 75%. Shrunk to 40 pixels,
which blurs too, 1% are. Motion along one direction is hardly noticed: edges across it stay sharp.
"""

from __future__ import annotations

import cv2
import numpy as np

from .crops import crop_face
from .records import Face, Framing

MINIMUM_SIDE = 40  # pixels of the box's shorter side
MINIMUM_SHARPNESS = 0.18
SIDE = 64  # pixels of a side at which sharpness is measured, so that it has no scale
INSIDE = -0.1  # margin: without the background at the box's corners
BLUR = 1.5  # pixels at `SIDE`: the deviation of the blur that a face is compared with


def judge_face(
    pixels: np.ndarray,
    face: Face,
    *,
    minimum_side: int = MINIMUM_SIDE,
    minimum_sharpness: float = MINIMUM_SHARPNESS,
) -> str:
    """Returns "" for a face that can be judged, else "too small" or "too blurred".

    Args:
        pixels: uint8 `[height, width, 3]`, the picture.
        face: found in it.
        minimum_side: pixels of the box's shorter side.
        minimum_sharpness: see `measure_sharpness`; 0 takes every face.
    """
    if min(face.box[2:]) < minimum_side:
        return "too small"
    return "too blurred" if measure_sharpness(pixels, face) < minimum_sharpness else ""


def measure_sharpness(pixels: np.ndarray, face: Face) -> float:
    """How much of its edges a face loses to a blur: 0 for one already blurred, less than 1.

    The share of the gradients' mean size that a fixed blur takes away, at 64 pixels a side: neither
    the picture's size nor its contrast counts. After Crete et al., The Blur Effect, SPIE 2007.
    """
    crop = crop_face(pixels, face, Framing(margin=INSIDE), SIDE)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steep = _steepness(grey)
    blurred = cv2.GaussianBlur(grey, (0, 0), BLUR)
    return 1 - _steepness(blurred) / steep if steep > 1e-3 else 0.0


def _steepness(grey: np.ndarray) -> float:
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return float(np.abs(across).mean() + np.abs(down).mean())
