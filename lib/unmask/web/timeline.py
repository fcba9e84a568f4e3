"""The score of a person over the time of a clip, as the numbers of an SVG drawing."""

from __future__ import annotations

from dataclasses import dataclass

from ..verdict import Person, Verdict
from .words import moment

WIDTH, HEIGHT = 1000.0, 200.0
MOST_POINTS = 2000
# Two moments closer together than this share of the clip are told as one.
APART = 0.05
MOMENTS = 3


@dataclass(frozen=True)
class Timeline:
    """A curve on a field of 1000 x 200: time runs right, the score up.

    Attributes:
        points: of the curve, as an SVG polyline takes them.
        threshold: height of the threshold, None where there is none.
        band: top and height of the scores that say nothing, None where there is none.
        worst: the moments with the highest scores, the worst first: `time` (seconds), `clock`,
            `score`, `x`, `y`.
        end: the time at the right end, for the reader.
        sentence: what the curve shows, for who does not see it.
    """

    points: str
    threshold: float | None
    band: tuple[float, float] | None
    worst: list[dict]
    end: str
    sentence: str


def timeline_of(person: Person, verdict: Verdict) -> Timeline | None:
    """Returns the timeline of a person, or None with fewer than two frames that have a score."""
    frames = [frame for frame in person.frames if frame.get("score") is not None]
    if len(frames) < 2:
        return None
    known = (verdict.clip or {}).get("seconds")
    end = max(frames[-1]["time"], known or 0.0) or 1.0
    every = -(-len(frames) // MOST_POINTS)
    points = [_at(frame, end) for frame in frames[::every]]
    worst = [
        {
            "time": round(frame["time"], 3),
            "clock": moment(frame["time"]),
            "score": frame["score"],
            "x": _at(frame, end)[0],
            "y": _at(frame, end)[1],
        }
        for frame in worst_frames(frames, end)
    ]
    scores = [frame["score"] for frame in frames]
    return Timeline(
        " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        None if verdict.threshold is None else _height(verdict.threshold),
        _band(verdict.band),
        worst,
        moment(end),
        f"The score over {len(frames)} frames: between {min(scores):.2f} and {max(scores):.2f}, "
        f"highest at {worst[0]['clock']}.",
    )


def worst_frames(frames: list[dict], end: float) -> list[dict]:
    """Returns up to three frames with the highest scores that lie apart in time."""
    chosen: list[dict] = []
    for frame in sorted(frames, key=lambda frame: (-frame["score"], frame["time"])):
        if all(abs(frame["time"] - other["time"]) >= APART * end for other in chosen):
            chosen.append(frame)
        if len(chosen) == MOMENTS:
            break
    return chosen


def _at(frame: dict, end: float) -> tuple[float, float]:
    return round(WIDTH * frame["time"] / end, 1), _height(frame["score"])


def _height(score: float) -> float:
    return round(HEIGHT * (1 - min(max(score, 0.0), 1.0)), 1)


def _band(band: tuple[float, float] | None) -> tuple[float, float] | None:
    if band is None or band[1] <= band[0]:
        return None
    top, bottom = _height(band[1]), _height(band[0])
    return top, round(bottom - top, 1)
