"""All measures on one person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from . import blinking, colour_match, face_sharpness, flicker, light_match, lip_sync
from .canvas import make_canvas
from .normal import judge
from .records import Evidence, Measure, PersonFrame, Signs

if TYPE_CHECKING:
    from ..media.videos import Sound

MEASURES: dict[str, Measure] = {
    each.MEASURE.name: each.MEASURE
    for each in (blinking, face_sharpness, colour_match, light_match, flicker, lip_sync)
}
NAMES = tuple(MEASURES)


def wanted_rate() -> float:
    """Returns the frames a second that all measures together need."""
    return max(each.rate for each in MEASURES.values())


def observe(frame: PersonFrame) -> Signs:
    """Reads all signs of one frame, so that its pixels need not be kept."""
    canvas = make_canvas(frame.pixels, frame.face.landmarks)
    if isinstance(canvas, str):
        return Signs(frame.time, dict.fromkeys(MEASURES, canvas))
    return Signs(frame.time, {name: each.look(canvas) for name, each in MEASURES.items()})


def measure_evidence(
    frames: Iterable[PersonFrame | Signs],
    sound: Sound | None,
    normal: Mapping[str, Mapping[str, Any]] | None,
    *,
    rate: float,
) -> list[Evidence]:
    """Measures one person in a clip or a photo: every measure, in the order of `NAMES`.

    Args:
        frames: the frames that show this person, in order, whole or already observed. One
            generator is enough: no pixels are kept.
        sound: the clip's sound, or None when it has none.
        normal: what `measure_normal` returned for real ones of the same kind, or None.
        rate: frames a second of the clip itself; 0 for a photo.
    """
    signs = [each if isinstance(each, Signs) else observe(each) for each in frames]
    times = np.array([each.time for each in signs], float)
    found = []
    for name, measure in MEASURES.items():
        seen = [each.seen[name] for each in signs]
        reading = measure.read(times, seen, sound=sound, rate=rate)
        found.append(judge(measure, reading, normal))
    return found
