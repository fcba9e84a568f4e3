"""Blinks: how often both eyes close for a moment.

People blink about 10 to 20 times a minute, and faces made from photos, which mostly show open eyes,
less often (Li, Chang & Lyu, 2018, "In Ictu Oculi: exposing AI created fake videos by detecting eye
blinking"; newer fakes blink well). Five landmarks say nothing of the lids, so each eye is compared
with how the same eye looked in the seconds around: a blink is a short moment in which both look
unlike themselves (Chau & Betke, 2005, "Real time eye tracking and blink detection with USB
cameras").
"""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .records import Measure, Reading
from .skin import DARKEST, MOST_TURNED
from .timing import close_runs, most_common, too_sparse

HALF = (16, 20)  # half height and half width of what is kept of an eye, in pixels of the canvas
MOVE = 6  # pixels that an eye may lie off its landmark
WIDEST_GAP = 0.08  # seconds between frames
AROUND = 1.0  # seconds before and after: how the eye usually looks
DROP, EACH = 0.1, 0.05  # fall of the likeness that is a blink: of both on average, and of either
LONGEST = 0.5  # seconds: a longer one is sleep, a look down or another scene
LEAST_LIKE = 0.6  # an eye that rarely looks as it did a second ago cannot be followed
ENOUGH = 25  # frames around that say how the eye usually looks; more only take time
SHORTEST_WATCH = 8.0  # seconds in all: at 15 blinks a minute, two are to be expected
NOISIEST = DROP / 4  # scatter of the likeness, else chance would look like a blink


def look(canvas: Canvas) -> np.ndarray | str:
    """Returns both eyes in grey, uint8 `[2, 32, 40]`, or why there are none."""
    if canvas.turned > MOST_TURNED:
        return "the face is turned too far to a side"
    eyes = []
    for x, y in np.rint(canvas.landmarks[:2]).astype(int):
        area = slice(max(y - HALF[0], 0), y + HALF[0]), slice(max(x - HALF[1], 0), x + HALF[1])
        light = canvas.light[area]
        if light.shape != (2 * HALF[0], 2 * HALF[1]) or not canvas.inside[area].all():
            return "an eye is outside the picture"
        if light.mean() < DARKEST:
            return "the eyes are in the dark"
        eyes.append(light)
    grey = np.sqrt(np.stack(eyes))
    return np.rint(grey * (255 / grey.max())).astype(np.uint8)


def read(times: np.ndarray, seen: list, *, rate: float = 0.0, **_) -> Reading:
    """Returns blinks a minute, and through the clip how open the eyes look (1: as usual)."""
    good = np.array([place for place, each in enumerate(seen) if not isinstance(each, str)], int)
    if not len(good):
        return Reading(reason=most_common(seen))
    when, eyes = times[good], [seen[place] for place in good]
    reason = too_sparse(when, WIDEST_GAP, "a blink lasts only 0.1 to 0.4 s", rate)
    if reason:
        return Reading(reason=reason)
    runs = [run for run in close_runs(when, 3 * WIDEST_GAP) if _length(when[run]) >= AROUND]
    watched = sum(_length(when[run]) for run in runs)
    if watched < SHORTEST_WATCH:
        return Reading(
            reason=f"the eyes can be followed for {watched:.1f} s, "
            f"and blinks are counted over {SHORTEST_WATCH:.0f} s or more"
        )
    likes = [likeness(when[run], np.stack(eyes[run])) for run in runs]
    falls = [fall_of(when[run], like) for run, like in zip(runs, likes, strict=True)]
    noise = 1.4826 * float(np.median(np.abs(np.concatenate(falls).mean(axis=1))))
    if noise > NOISIEST or np.median(np.concatenate(likes)) < LEAST_LIKE:
        return Reading(
            reason="the eyes are too small, blurred or unsteady to tell a blink from chance"
        )
    blinks = sum(count_blinks(when[run], fall) for run, fall in zip(runs, falls, strict=True))
    series = [
        (round(float(time), 3), round(float(1 + min(fall, 0)), 4))
        for run, each in zip(runs, falls, strict=True)
        for time, fall in zip(when[run], each.mean(axis=1), strict=True)
    ]
    words = f"{blinks} {'blink' if blinks == 1 else 'blinks'} in {watched:.1f} s"
    return Reading(60 * blinks / watched, words, series=tuple(series))


def likeness(times: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Returns how much each eye looks as it does in the seconds around `[n, 2]`, at most 1.

    Args:
        times: seconds [n].
        eyes: uint8 `[n, 2, height, width]`.
    """
    import cv2

    found = np.empty(eyes.shape[:2])
    pictures = eyes.astype(np.float32)
    inner = slice(MOVE, -MOVE)
    for place, window in enumerate(_near(times)):
        some = pictures[window, :, inner, inner][:: max(1, (window.stop - window.start) // ENOUGH)]
        usual = np.median(some, axis=0)
        for eye in (0, 1):
            match = cv2.matchTemplate(pictures[place, eye], usual[eye], cv2.TM_CCOEFF_NORMED)
            found[place, eye] = np.nan_to_num(match, posinf=0, neginf=0).max()
    return found


def fall_of(times: np.ndarray, likes: np.ndarray) -> np.ndarray:
    """Returns how far a likeness [n, 2] lies above (or, in a blink, below) the usual one."""
    return likes - np.stack([np.median(likes[window], axis=0) for window in _near(times)])


def count_blinks(times: np.ndarray, falls: np.ndarray) -> int:
    """Returns how many short moments there are in which both eyes look unlike themselves.

    Args:
        times: seconds [n].
        falls: what `fall_of` returned, [n, 2].
    """
    closed = (falls.mean(axis=1) < -DROP) & (falls.max(axis=1) < -EACH)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(int)))
    step = float(np.median(np.diff(times)))
    starts, ends = edges[::2], edges[1::2] - 1
    # Two in a row with one frame between them are one blink.
    apart = np.concatenate([[True], starts[1:] - ends[:-1] > 2])[: len(starts)]
    starts, ends = starts[apart], ends[np.append(apart[1:], True)[: len(ends)]]
    return int((times[ends] - times[starts] + step <= LONGEST + 1e-9).sum())


def _near(times: np.ndarray) -> list[slice]:
    return [slice(*np.searchsorted(times, [at - AROUND, at + AROUND + 1e-9])) for at in times]


def _length(times: np.ndarray) -> float:
    return float(times[-1] - times[0])


MEASURE = Measure(
    name="blinking",
    title="Blinking",
    unit="blinks a minute",
    side="both",
    rate=15.0,
    look=look,
    read=read,
)
