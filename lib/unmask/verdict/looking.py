"""What a careful viewer looks at, on the people that a detector judges; beside their scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..evidence import Evidence, PersonFrame, Signs, measure_evidence, observe, wanted_rate
from ..media import Rejected
from ..media.faces import Face, FaceFinder
from ..media.faces.boxes import corners, overlaps
from ..media.videos import Clip, Frame, read_sound
from ..media.videos.reader import open_chosen

STRETCH = 10.0  # seconds of close frames
SEARCHED = 0.16  # seconds between frames that are searched for faces; between them faces glide
MOST_PEOPLE = 3  # of a clip, whose evidence is measured
SAME_FACE = 0.3  # least overlap of a face with where its person was seen last


def evidence_of_photo(
    pixels: np.ndarray, face: Face, normal: Mapping[str, Any] | None
) -> list[Evidence]:
    """Returns what one photo, uint8 `[h, w, 3]`, shows of one face; see `measure_evidence`."""
    return measure_evidence([PersonFrame(0.0, pixels, face)], None, normal, rate=0.0)


def evidence_of_clip(
    path: str | Path,
    clip: Clip,
    seen: Sequence[Sequence[tuple[int, float, Face]]],
    finder: FaceFinder,
    normal: Mapping[str, Any] | None,
    tell: Callable[[float], None] = lambda share: None,
) -> list[list[Evidence]]:
    """Returns what a stretch of close frames shows of the first people of a clip.

    Blinks, flicker and lips need frames that follow each other closely, more closely than the
    scores do: so a stretch of seconds is read once more, from where the first person appears.

    Args:
        path: of the clip.
        clip: what its header says.
        seen: of each person, the main one first: index, time and face of every appearance.
        finder: of faces.
        normal: what is usual on real clips.
        tell: is told the share that is done, now and then; what it raises is passed on.

    Returns:
        For each of the first `MOST_PEOPLE` what was found.
    """
    followed = [_Followed(appearances) for appearances in seen[:MOST_PEOPLE]]
    if not followed:
        return []
    rate = clip.rate or 25.0
    step = max(1, int(rate / wanted_rate()))
    first = seen[0][0][0]

    def choose(total: int) -> np.ndarray:
        return np.arange(first, min(total, first + int(STRETCH * rate) + 1), step)

    with open_chosen(path, choose) as frames:
        waiting: list[Frame] = []
        for done, frame in enumerate(frames, start=1):
            waiting.append(frame)
            if done in (1, frames.planned) or len(waiting) >= SEARCHED * rate / step:
                _follow(waiting, followed, finder)
                tell(done / frames.planned)
                waiting = []
        if waiting:  # frames at the end are damaged
            _follow(waiting, followed, finder)
    sound = _sound_of(path, clip)
    return [measure_evidence(one.signs, sound, normal, rate=rate) for one in followed]


class _Followed:
    """A person followed through close frames: where they were last, and the signs so far."""

    def __init__(self, appearances: Sequence[tuple[int, float, Face]]):
        _, self.start, face = appearances[0]
        self.box = face.box
        self.before: tuple[float, Face] | None = None  # when and where in the frame searched last
        self.signs: list[Signs] = []

    def take(self, frames: Sequence[Frame], faces: Sequence[Face]) -> None:
        """Takes frames of which the last was searched, and the faces in that one."""
        last, before = frames[-1], self.before
        face = self._own(faces) if last.time >= self.start else None
        self.before = None if face is None else (last.time, face)
        if face is None:
            return
        self.box = face.box
        for frame in frames:
            shown = face
            if frame is not last:
                if before is None:
                    continue
                shown = _between(before, self.before, frame.time)
            self.signs.append(observe(PersonFrame(frame.time, frame.pixels, shown)))

    def _own(self, faces: Sequence[Face]) -> Face | None:
        if not faces:
            return None
        shares = overlaps([corners(self.box)], [corners(face.box) for face in faces])[0]
        best = int(np.argmax(shares))
        return faces[best] if shares[best] >= SAME_FACE else None


def _between(before: tuple[float, Face], after: tuple[float, Face], time: float) -> Face:
    """Returns where a face is at a time between two at which it was seen."""
    (start, first), (end, second) = before, after
    share = (time - start) / (end - start) if end > start else 1.0
    box = (1 - share) * np.asarray(first.box) + share * np.asarray(second.box)
    points = (1 - share) * first.landmarks + share * second.landmarks
    confidence = min(first.confidence, second.confidence)
    return Face(tuple(map(float, box)), points, confidence)


def _follow(frames: Sequence[Frame], followed: Sequence[_Followed], finder: FaceFinder) -> None:
    faces = finder.find([frames[-1].pixels])[0]
    for one in followed:
        one.take(frames, faces)


def _sound_of(path: str | Path, clip: Clip) -> Any:
    try:
        return read_sound(path) if clip.has_sound else None
    except (Rejected, OSError):
        return None
