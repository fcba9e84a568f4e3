"""What the measures share: values of single frames, and frames that follow each other closely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .records import Reading

SMALLEST_SHARE = 0.2  # of the frames must be measurable, else what is left may be chance


def middle_of(times: np.ndarray, values: Sequence[float | str], words: str) -> Reading:
    """Returns the median over the frames that could be measured.

    Args:
        times: seconds [n].
        values: a number a frame, or why there is none.
        words: a format with `value`.
    """
    good = [place for place, value in enumerate(values) if not isinstance(value, str)]
    if not good or len(good) < SMALLEST_SHARE * len(values):
        return Reading(reason=most_common(values))
    value = float(np.median([values[place] for place in good]))
    series = tuple((round(float(times[place]), 3), round(values[place], 4)) for place in good)
    return Reading(value, words.format(value=value), series=series)


def most_common(seen: Sequence[object]) -> str:
    """Returns the reason that most frames give."""
    reasons = Counter(each for each in seen if isinstance(each, str))
    return reasons.most_common(1)[0][0] if reasons else "there is no frame of this face"


def too_sparse(times: np.ndarray, widest: float, needs: str, rate: float) -> str:
    """Returns why frames do not follow each other closely enough, or an empty string.

    Args:
        times: seconds [n] of the frames that could be read.
        widest: seconds that may lie between two frames.
        needs: what is missed in a wider gap ("a blink lasts 0.1 to 0.4 s").
        rate: frames a second of the clip; 0 for a photo.
    """
    if len(times) < 2:
        return "a photo does not move" if rate <= 0 else "only one frame shows this face"
    gap = float(np.median(np.diff(times)))
    if gap <= widest * 1.001:
        return ""
    whose = "the clip's frames" if 1 / rate > widest else "the frames looked at"
    return f"{whose} are {gap:.2g} s apart, and {needs}"


def close_runs(times: np.ndarray, widest: float) -> list[slice]:
    """Returns the stretches [from, to) in which no gap is wider than `widest` seconds."""
    ends = np.flatnonzero(np.diff(times) > widest * 1.001) + 1
    edges = [0, *ends.tolist(), len(times)]
    return [slice(start, end) for start, end in pairwise(edges) if end > start]
