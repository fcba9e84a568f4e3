"""Whether a face shows enough to be judged: its size and its sharpness."""

from __future__ import annotations

import cv2
import numpy as np

from .crops import crop_face
from .records import Face, Framing

MINIMUM_SIDE = 40  # pixels of the box's shorter side
MINIMUM_SHARPNESS = 0.02
SIDE = 64  # pixels of a side at which sharpness is measured, so that it has no scale


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
    """How much of a face's contrast is fine detail: 0 for an even one."""
    crop = crop_face(pixels, face, Framing(margin=0.0), SIDE)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    spread = float(grey.var())
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / spread) if spread > 1 else 0.0
