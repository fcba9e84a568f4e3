"""Flicker of the face that its surroundings do not have.

Frames made one by one differ from each other in brightness and colour, and only inside the face
(Güera & Delp, 2018, "Deepfake video detection using recurrent neural networks"). Counted is how far
a frame's skin leaves the straight line between the frame before and the one after it, less what
the surroundings did at the same moment: a lamp that flickers or a camera that sets itself anew
changes both.
"""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .face_sharpness import IN_RING, LEAST_AREA
from .records import Measure, Reading
from .skin import CHEEKS, MOST_TURNED, patch_of
from .timing import most_common, too_sparse

WIDEST_GAP = 0.1  # seconds between frames: further apart, people move and lights change
LEAST_TRIPLES = 12
NOSE = (0.0, 0.45, 0.3, 0.4)  # the bridge of the nose: no eyes, no mouth, both of which may move
WORST = 90  # per cent of the frames lie below the value


def look(canvas: Canvas) -> np.ndarray | str:
    """Returns the logarithms of mean linear RGB of the skin and of the surroundings [6]."""
    if canvas.turned > MOST_TURNED:
        return "the face is turned too far to a side"
    patches = [patch_of(canvas, place) for place in (*CHEEKS, NOSE)]
    ring = IN_RING & canvas.inside
    if any(patch is None for patch in patches):
        return "a part of the face is outside the picture or in the dark"
    if ring.sum() < LEAST_AREA * IN_RING.sum():
        return "too little of what surrounds the face is in the picture"
    means = np.concatenate([np.concatenate(patches).mean(0), canvas.linear[ring].mean(0)])
    return np.log(np.maximum(means, 1e-4)).astype(np.float64)


def read(times: np.ndarray, seen: list, *, rate: float = 0.0, **_) -> Reading:
    """Returns how far skin jumps between frames, per cent of its brightness: 1 frame in 10 does
    more."""
    good = [place for place, each in enumerate(seen) if not isinstance(each, str)]
    if not good:
        return Reading(reason=most_common(seen))
    reason = too_sparse(times[good], WIDEST_GAP, "in that time anything changes", rate)
    if reason:
        return Reading(reason=reason)
    places, jumps = _jumps(times[good], np.stack([seen[place] for place in good]))
    if len(places) < LEAST_TRIPLES:
        return Reading(reason=f"only {len(places)} frames have close neighbours on both sides")
    own = 100 * _own_part(jumps[:, :3], jumps[:, 3:])
    value = float(np.percentile(own, WORST))
    series = tuple(
        (round(float(times[good][place]), 3), round(float(each), 4))
        for place, each in zip(places, own, strict=True)
    )
    words = (
        f"In 1 frame of 10 the face's brightness or colour jumps by {value:.2g}% or more on its own"
    )
    return Reading(value, words, series=series)


def _jumps(times: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns places [m] with equally spaced close neighbours, and how far each leaves the line
    between them [m, 6]."""
    before, after = np.diff(times)[:-1], np.diff(times)[1:]
    near = (np.maximum(before, after) <= WIDEST_GAP * 1.001) & (abs(before - after) < 0.3 * before)
    places = np.flatnonzero(near) + 1
    return places, levels[places] - (levels[places - 1] + levels[places + 1]) / 2


def _own_part(face: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Returns the size [m] of what the surroundings' jumps do not explain of the face's."""
    together, spread = (face * around).sum(), (around**2).sum()
    share = np.clip(together / spread, 0, 1) if spread > 0 else 0.0
    return np.sqrt(((face - share * around) ** 2).mean(axis=1))


MEASURE = Measure(
    name="flicker",
    title="Flicker of the face",
    unit="%",
    side="high",
    rate=12.0,
    look=look,
    read=read,
)
