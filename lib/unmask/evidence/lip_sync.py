"""Mouth movement against the loudness of the sound track.

A mouth that was made for other words, or a voice that was laid over, moves out of step with what
is heard (Korshunov & Marcel, 2018, "Speaker inconsistency detection in tampered video"; Agarwal et
al., 2020, "Detecting deep-fake videos from phoneme-viseme mismatches"). Here a mouth is as open as
it is dark between its corners, and both curves are freed of what changes slower than in two
seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .canvas import EYES, LUMA, Canvas
from .records import Measure, Reading
from .skin import CHEEKS, MOST_TURNED, patch_of
from .timing import most_common, too_sparse

if TYPE_CHECKING:
    from ..media.videos import Sound

WIDEST_GAP = 0.1  # seconds between frames: a syllable takes about 0.2 s
SHORTEST = 4.0  # seconds of face and sound together
FARTHEST = 0.2  # seconds that sound may run ahead or behind
SLOW = 1.0  # seconds before and after, whose mean is taken off
WINDOW = 0.06  # seconds of sound that make one loudness
QUIET, LEAST_RANGE = -40.0, 10.0  # decibels below the loudest; from quiet to loud moments
MOUTH = (0.7, 0.5)  # width and height of what is looked at, in eye distances
DARK = 0.56  # of the cheeks' luminance: lips are brighter than this, an open mouth is not


def look(canvas: Canvas) -> np.ndarray | str:
    """Returns how dark it is between the corners of the mouth [1], 0 to 1, or why not."""
    if canvas.turned > MOST_TURNED:
        return "the face is turned too far to a side"
    cheeks = [patch_of(canvas, place) for place in CHEEKS]
    if any(patch is None for patch in cheeks):
        return "a cheek is outside the picture or in the dark"
    skin = float(np.median(np.concatenate(cheeks) @ LUMA))
    x, y = canvas.landmarks[3:].mean(0)
    half = EYES * np.array(MOUTH) / 2
    rows = slice(round(max(y - half[1], 0)), round(y + half[1]))
    columns = slice(round(max(x - half[0], 0)), round(x + half[0]))
    mouth, shown = canvas.light[rows, columns], canvas.inside[rows, columns]
    if not shown.size or shown.mean() < 0.9:
        return "the mouth is outside the picture"
    return np.array([np.clip(1 - mouth[shown] / (DARK * skin), 0, None).mean()])


def read(
    times: np.ndarray, seen: list, *, sound: Sound | None = None, rate: float = 0.0
) -> Reading:
    """Returns the correlation of mouth and loudness at the best shift of up to 0.2 s."""
    good = np.array([place for place, each in enumerate(seen) if not isinstance(each, str)], int)
    if len(times) > 1 and sound is None:
        return Reading(reason="the clip has no sound")
    if not len(good):
        return Reading(reason=most_common(seen))
    when = times[good]
    reason = too_sparse(when, WIDEST_GAP, "a syllable takes about 0.2 s", rate)
    if reason:
        return Reading(reason=reason)
    mouth = np.array([float(seen[place][0]) for place in good])
    covered = heard(when, sound)
    when, mouth = when[covered], mouth[covered]
    watched = len(when) * float(np.median(np.diff(when))) if len(when) > 1 else 0.0
    if watched < SHORTEST:
        return Reading(
            reason=f"face and sound are there together for {watched:.1f} s, and it takes "
            f"{SHORTEST:.0f} s"
        )
    return _in_step(when, mouth, sound)


def heard(times: np.ndarray, sound: Sound) -> np.ndarray:
    """Returns which times [n] lie inside the sound, however it is shifted."""
    reach = FARTHEST + WINDOW
    end = sound.start + len(sound.samples) / sound.rate
    return (times >= sound.start + reach) & (times <= end - reach)


def loudness(times: np.ndarray, sound: Sound) -> np.ndarray:
    """Returns the loudness [n] at `times` in decibels below the loudest moment, at least -40."""
    energy = np.concatenate([[0.0], np.cumsum(np.asarray(sound.samples, np.float64) ** 2)])
    at = (np.asarray(times) - sound.start) * sound.rate
    half = max(1.0, WINDOW / 2 * sound.rate)
    low = np.clip(np.rint(at - half), 0, len(energy) - 2).astype(int)
    high = np.clip(np.rint(at + half), low + 1, len(energy) - 1).astype(int)
    power = (energy[high] - energy[low]) / (high - low)
    loudest = float(np.percentile(power, 99)) if len(power) else 0.0
    if loudest <= 1e-10:
        return np.full(len(at), QUIET)
    return np.maximum(10 * np.log10(np.maximum(power, 1e-12) / loudest), QUIET)


def _in_step(times: np.ndarray, mouth: np.ndarray, sound: Sound) -> Reading:
    level = loudness(times, sound)
    if np.subtract(*np.percentile(level, [90, 10])) < LEAST_RANGE:
        return Reading(reason="the sound has no quiet and loud moments, as speech has")
    if np.ptp(mouth) < 1e-6:
        return Reading(0.0, "The mouth does not move at all while the sound changes")
    moving = _without_slow(times, mouth)
    shifts = np.linspace(-FARTHEST, FARTHEST, 11)
    together = [
        _correlation(moving, _without_slow(times, loudness(times + shift, sound)))
        for shift in shifts
    ]
    best = int(np.argmax(together))
    value, shift = float(together[best]), float(shifts[best])
    series = tuple(
        (round(float(at), 3), round(float(each), 4)) for at, each in zip(times, mouth, strict=True)
    )
    late = "at the same moment"
    if abs(shift) > 0.02:
        late = f"with the sound {abs(shift):.2f} s {'late' if shift > 0 else 'early'}"
    words = f"Mouth and loudness move together by {value:.2f} {late} (1: in step, 0: not at all)"
    return Reading(value, words, series=series)


def _without_slow(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    low, high = np.searchsorted(times, [times - SLOW, times + SLOW + 1e-9])
    total = np.concatenate([[0.0], np.cumsum(values)])
    return values - (total[high] - total[low]) / (high - low)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    scale = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / scale) if scale else 0.0


MEASURE = Measure(
    name="lip_sync",
    title="Mouth against the loudness of the sound",
    unit="",
    side="low",
    rate=12.0,
    look=look,
    read=read,
)
