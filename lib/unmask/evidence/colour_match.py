"""Colour of the face against the neck: one person's skin, under one light, by one camera.

A pasted face keeps some of the colour it came with (Matern et al., 2019, "Exploiting visual
artifacts to expose deepfakes and face manipulations"). Both colours are brought to one lightness
first, because a neck mostly lies in the shade.
"""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .records import Measure, Reading
from .skin import CHEEKS, NECK, colour_of, neck_of, patch_of
from .timing import middle_of


def look(canvas: Canvas) -> np.ndarray | str:
    """Returns the distance of cheeks and neck in CIELAB's a and b [1], or why there is none."""
    neck = neck_of(canvas, (NECK,))
    if isinstance(neck, str):
        return neck
    cheeks = [patch_of(canvas, place) for place in CHEEKS]
    if any(patch is None for patch in cheeks):
        return "a cheek is outside the picture or in the dark"
    face = np.median(colour_of(np.concatenate(cheeks)), axis=0)
    return np.array([np.linalg.norm(face - np.median(colour_of(neck[0]), axis=0))])


def read(times: np.ndarray, seen: list, **_) -> Reading:
    """Returns the middle over the frames."""
    return middle_of(
        times,
        [each if isinstance(each, str) else float(each[0]) for each in seen],
        "The skin colours of cheeks and neck are {value:.1f} colour steps apart "
        "(2 are just visible)",
    )


MEASURE = Measure(
    name="colour_match",
    title="Colour of the face against the neck",
    unit="colour steps",
    side="high",
    rate=0.0,
    look=look,
    read=read,
)
