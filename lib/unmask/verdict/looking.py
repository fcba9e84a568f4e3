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
from ..media.videos import Clip, read_sound
from ..media.videos.reader import open_chosen

STRETCH = {"mtcnn": 4.0}  # seconds of close frames that are searched for faces, by finder
USUAL_STRETCH = 10.0
MOST_PEOPLE = 3  # of a clip, whose evidence is measured
SAME_FACE = 0.3  # least overlap of a face with where its person was seen last
BATCH = 8


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
    seconds = STRETCH.get(finder.name, USUAL_STRETCH)
    first = seen[0][0][0]

    def choose(total: int) -> np.ndarray:
        return np.arange(first, min(total, first + int(seconds * rate) + 1), step)

    with open_chosen(path, choose) as frames:
        batch = []
        for done, frame in enumerate(frames, start=1):
            batch.append(frame)
            if len(batch) == BATCH or done == frames.planned:
                _follow(batch, followed, finder)
                tell(done / frames.planned)
                batch = []
        _follow(batch, followed, finder)
    sound = _sound_of(path, clip)
    return [measure_evidence(one.signs, sound, normal, rate=rate) for one in followed]


class _Followed:
    """A person followed through close frames: where they were last, and the signs so far."""

    def __init__(self, appearances: Sequence[tuple[int, float, Face]]):
        _, self.start, face = appearances[0]
        self.box = face.box
        self.signs: list[Signs] = []

    def take(self, time: float, pixels: np.ndarray, faces: Sequence[Face]) -> None:
        if not faces or time < self.start:
            return
        shares = overlaps([corners(self.box)], [corners(face.box) for face in faces])[0]
        best = int(np.argmax(shares))
        if shares[best] >= SAME_FACE:
            self.box = faces[best].box
            self.signs.append(observe(PersonFrame(time, pixels, faces[best])))


def _follow(batch: Sequence[Any], followed: Sequence[_Followed], finder: FaceFinder) -> None:
    if not batch:
        return
    found = finder.find([frame.pixels for frame in batch])
    for frame, faces in zip(batch, found, strict=True):
        for one in followed:
            one.take(frame.time, frame.pixels, faces)


def _sound_of(path: str | Path, clip: Clip) -> Any:
    try:
        return read_sound(path) if clip.has_sound else None
    except (Rejected, OSError):
        return None
