"""Direction of the light on the face against that on the neck.

What lights a face from one side lights its neck from the same side; a face that was lit elsewhere
brings its own shading along (Johnson & Farid, 2005, "Exposing digital forgeries by detecting
inconsistencies in lighting"; Matern et al., 2019). Only left against right is compared, as a chin
always shades the neck from above.
"""

from __future__ import annotations

import numpy as np

from .canvas import LUMA, Canvas
from .records import Measure, Reading
from .skin import CHEEKS, NECK_SIDES, neck_of, patch_of
from .timing import middle_of


def look(canvas: Canvas) -> np.ndarray | str:
    """Returns the left-right shading of face and neck [2] in powers of two, or why not."""
    neck = neck_of(canvas, NECK_SIDES)
    if isinstance(neck, str):
        return neck
    cheeks = [patch_of(canvas, place) for place in CHEEKS]
    if any(patch is None for patch in cheeks):
        return "a cheek is outside the picture or in the dark"
    return np.array([_shading(*cheeks), _shading(*neck)])


def read(times: np.ndarray, seen: list, **_) -> Reading:
    """Returns the middle over the frames of how many times the two shadings differ."""
    return middle_of(
        times,
        [each if isinstance(each, str) else float(2 ** abs(each[0] - each[1])) for each in seen],
        "Between left and right, the light on face and neck differs by a factor of {value:.2f} "
        "(1: the same light)",
    )


def _shading(left: np.ndarray, right: np.ndarray) -> float:
    """How many times brighter the right patch is than the left one, in powers of two."""
    bright = [max(float(np.median(patch @ LUMA)), 1e-4) for patch in (left, right)]
    return float(np.log2(bright[1] / bright[0]))


MEASURE = Measure(
    name="light_match",
    title="Light on the face against light on the neck",
    unit="times",
    side="high",
    rate=0.0,
    look=look,
    read=read,
)
