"""The scores of a clip over time, as a picture in SVG that a screen reader can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from ..tell import counted
from .records import scored_frames

WIDTH, HEIGHT = 720, 190
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 14, 38  # margins
DASHES = ("none", "7 4", "2 3", "9 3 2 3")


def timeline(record: Mapping[str, Any]) -> Markup:
    """Returns an inline <svg> of every person's scores; empty when no frame was scored.

    Above the band a score speaks for fake, below it for real. The colours come from the page.
    """
    people = [person for person in record["people"] if scored_frames(person)]
    times = [frame["time"] for person in people for frame in scored_frames(person)]
    if not times:
        return Markup("")
    start, end = min(times), max(max(times), min(times) + 1e-3)
    parts = [_ground(record), _axis(start, end)]
    for position, person in enumerate(people):
        parts.append(_line(person, start, end, position))
    return Markup(
        '<svg class="timeline" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>'
    ).format(describe(record), WIDTH, HEIGHT, Markup("").join(parts))


def describe(record: Mapping[str, Any]) -> str:
    """Returns in words what the timeline shows."""
    words = []
    for person in record["people"]:
        frames = scored_frames(person)
        scored = [frame["score"] for frame in frames]
        if scored:
            worst = max(frames, key=lambda frame: frame["score"])
            words.append(
                f"person {person['number'] + 1}: {counted(len(scored), 'frame')}, scores from "
                f"{min(scored):.2f} to {max(scored):.2f}, the highest at {worst['time']:.1f} s"
            )
    return f"Scores over time. {'; '.join(words)}."


def ticks(start: float, end: float, most: int = 6) -> list[float]:
    """Returns round times in seconds between `start` and `end`, at most `most` + 1 of them."""
    rough = (end - start) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first = math.ceil(start / step - 1e-9)
    last = math.floor(end / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _across(time: float, start: float, end: float) -> float:
    return LEFT + (time - start) / (end - start) * (WIDTH - LEFT - RIGHT)


def _down(score: float) -> float:
    return TOP + (1 - score) * (HEIGHT - TOP - BOTTOM)


def _ground(record: Mapping[str, Any]) -> Markup:
    parts = []
    if record["band"]:
        low, high = (min(max(value, 0.0), 1.0) for value in record["band"])
        parts.append(_rectangle("band", _down(high), _down(low)))
    for score in (0.0, 0.5, 1.0):
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                LEFT, WIDTH - RIGHT, _down(score), _down(score)
            )
        )
        parts.append(_text(LEFT - 7, _down(score) + 4, f"{score:g}", "end"))
    if record["threshold"] is not None:
        where = _down(min(max(record["threshold"], 0.0), 1.0))
        parts.append(
            Markup('<line class="threshold" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
                LEFT, WIDTH - RIGHT, where, where
            )
        )
    return Markup("").join(parts)


def _axis(start: float, end: float) -> Markup:
    times = ticks(start, end)
    digits = 0 if len(times) < 2 or times[1] - times[0] >= 1 else 1
    marks = [
        _text(_across(time, start, end), HEIGHT - BOTTOM + 24, f"{time:.{digits}f} s", "middle")
        for time in times
    ]
    return Markup("").join(marks)


def _line(person: Mapping[str, Any], start: float, end: float, position: int) -> Markup:
    points = [
        (_across(frame["time"], start, end), _down(frame["score"]))
        for frame in scored_frames(person)
    ]
    worst = max(points, key=lambda point: -point[1])
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    name = f"person {person['number'] + 1}"
    return Markup(
        '<g class="person p{}"><title>{}</title>'
        '<polyline points="{}" stroke-dasharray="{}"/>'
        '<circle cx="{:.1f}" cy="{:.1f}" r="5"/></g>'
    ).format(position % len(DASHES), name, path, DASHES[position % len(DASHES)], *worst)


def _rectangle(kind: str, top: float, bottom: float) -> Markup:
    return Markup('<rect class="{}" x="{}" width="{}" y="{:.1f}" height="{:.1f}"/>').format(
        kind, LEFT, WIDTH - LEFT - RIGHT, top, max(bottom - top, 1.0)
    )


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        x, y, anchor, escape(words)
    )
