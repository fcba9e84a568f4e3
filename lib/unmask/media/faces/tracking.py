"""The same person followed through the frames of a clip, by place, size and motion.

Each face of a frame goes to the person whose place it is closest to, the pairs chosen together
(Hungarian method), and a person's next place is where their last places lead (constant velocity).
Nobody is recognised: after a cut to someone else in the same place, the two are followed as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .boxes import corners, overlaps
from .records import Face, Track

REACH = 1.0  # how far from its expected place a face may be, in longer sides of its box
REACH_MISSED = 0.5  # more of it for each frame in which the person was missed
MOST_MISSED = 5  # frames; after more, a person is only found again near the last place
REACH_AGAIN = 0.5
LARGEST_CHANGE = 2.0  # of the size, from one appearance to the next
REMEMBERED = 4  # appearances that the velocity is taken from
MANY_FRAMES = 6  # from so many on, a face in one of them alone is no person
SEEN_ONCE = "seen once"


def track_faces(
    found: Sequence[list[Face]], *, times: Sequence[float] | None = None
) -> list[Track]:
    """Follows each person through frames, by where the faces are and how they move.

    Args:
        found: the faces of each frame, in the order of time, as a finder returns them.
        times: of each frame in seconds; None takes frames for evenly spaced.

    Returns:
        People first, numbered by falling sum of the areas of their boxes; then, with the outcome
        "seen once", faces in a single one of six or more frames.
    """
    clock = _clock(len(found), times)
    followed: list[_Person] = []
    for frame, faces in enumerate(found):
        pairs = _match(followed, faces, frame, clock)
        for place, face in enumerate(faces):
            if place in pairs:
                pairs[place].add(frame, face)
            else:
                followed.append(_Person(frame, face))
    tracks = [
        Track(0, person.frames, person.faces, _outcome(person, len(found))) for person in followed
    ]
    tracks.sort(key=lambda track: (track.outcome, -sum(face.area for face in track.faces)))
    return [replace(track, person=number) for number, track in enumerate(tracks)]


class _Person:
    """Where one person was seen."""

    def __init__(self, frame: int, face: Face):
        self.frames, self.faces = [frame], [face]

    def add(self, frame: int, face: Face) -> None:
        self.frames.append(frame)
        self.faces.append(face)

    def expected(self, frame: int, clock: np.ndarray) -> tuple[np.ndarray, float]:
        """The centre (x, y) at which the face should be, and how far off it may be, in pixels."""
        last, side = np.array(self.faces[-1].center), _side(self.faces[-1])
        missed = frame - self.frames[-1] - 1
        if missed > MOST_MISSED:
            return last, REACH_AGAIN * side
        reach = (REACH + REACH_MISSED * missed) * side
        return last + self._velocity(clock) * (clock[frame] - clock[self.frames[-1]]), reach

    def _velocity(self, clock: np.ndarray) -> np.ndarray:
        """Pixels for one unit of the clock, x and y: a line through the last places."""
        when = clock[self.frames[-REMEMBERED:]]
        if len(when) < 2:
            return np.zeros(2)
        where = np.array([face.center for face in self.faces[-REMEMBERED:]])
        when = when - when.mean()
        return when @ (where - where.mean(axis=0)) / (when @ when)


def _match(
    followed: list[_Person], faces: list[Face], frame: int, clock: np.ndarray
) -> dict[int, _Person]:
    """Which person each face is, by its place in `faces`; faces of nobody are left out."""
    if not followed or not faces:
        return {}
    from scipy.optimize import linear_sum_assignment

    costs = np.array([_costs(person, faces, frame, clock) for person in followed])
    people, places = linear_sum_assignment(costs)
    return {
        int(place): followed[person]
        for person, place in zip(people, places, strict=True)
        if costs[person, place] < 1
    }


def _costs(person: _Person, faces: list[Face], frame: int, clock: np.ndarray) -> np.ndarray:
    """How little each face fits the person: 0 at the expected place, 1 for "cannot be"."""
    center, reach = person.expected(frame, clock)
    last = person.faces[-1]
    width, height = last.box[2:]
    box = corners((center[0] - width / 2, center[1] - height / 2, width, height))
    common = overlaps(np.array([box]), np.array([corners(face.box) for face in faces]))[0]
    away = np.array([np.hypot(*(np.array(face.center) - center)) for face in faces]) / reach
    change = np.array([abs(np.log(_side(face) / _side(last))) for face in faces])
    cost = (1 - common + away) / 2
    return np.where((away < 1) & (change <= np.log(LARGEST_CHANGE)), np.minimum(cost, 0.999), 1.0)


def _side(face: Face) -> float:
    return max(*face.box[2:], 1.0)


def _clock(count: int, times: Sequence[float] | None) -> np.ndarray:
    """The time of each frame, in typical spacings of two frames; always rising."""
    if times is None or count < 2:
        return np.arange(count, dtype=np.float64)
    spacings = np.diff(np.asarray(times, np.float64))
    typical = np.median(spacings[spacings > 0]) if (spacings > 0).any() else 1.0
    return np.concatenate([[0.0], np.cumsum(np.maximum(spacings / typical, 1e-3))])


def _outcome(person: _Person, count: int) -> str:
    return SEEN_ONCE if count >= MANY_FRAMES and len(person.frames) < 2 else ""
