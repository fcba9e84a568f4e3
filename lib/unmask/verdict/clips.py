"""A clip to the people in it and their scores; only a few frames are in memory at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.clips import pool_scores
from ..media.faces import Face, Track, track_faces
from ..media.videos import Clip, Frame, open_frames
from ..media.videos.reader import open_chosen
from .changes import CHANGES
from .judging import Judge, unusable, with_evidence
from .looking import evidence_of_clip
from .reading import FaceReader, SeenFace, notices_of
from .records import Person

BATCH = 8  # frames in memory at a time
MOST_FRAMES = 3000  # looked at in one clip; of a longer one fewer, evenly
SHARE_OF_SCORES = 0.8  # of the work, for whoever waits
ONLY_FACES = (
    "Error rates are those of single faces: this run has too few clips to say them for clips."
)
Progress = Callable[[float, str], None]


@dataclass
class Appearance:
    """One face in one frame: where, and its scores `[1 + changes]` or why it has none."""

    index: int
    time: float
    face: Face | None
    seen: SeenFace
    scores: np.ndarray | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns what `Person.frames` holds of it."""
        score = None if self.scores is None else float(self.scores[0])
        return {"index": self.index, "time": self.time, "box": self.seen.box, "score": score}


@dataclass
class Watched:
    """What one pass over a clip found.

    Attributes:
        clip: what its header says.
        frames: of each frame looked at, its appearances.
        times: of these frames, seconds.
        notices: of the reader.
    """

    clip: Clip
    frames: list[list[Appearance]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ClipLooker:
    """Looks at clips: finds faces, follows people, pools their scores.

    Attributes:
        reader: from frames to faces.
        score: from uint8 `[n, size, size, 3]` to `[n]`.
        judge: of clips, or of faces where the run has no numbers of clips.
        pooling: `how`, `k` and `frames` of `pool_scores`.
        every: each n-th frame is looked at.
        normal: what is usual on real clips; see `evidence.measure_normal`.
    """

    reader: FaceReader
    score: Callable[[np.ndarray], np.ndarray]
    judge: Judge
    pooling: tuple[str, int, int]
    every: int
    normal: Mapping[str, Any] | None

    def watch(self, path: str | Path, progress: Progress) -> Watched:
        """Reads the clip once and scores every face.

        Raises:
            Rejected, OSError: the clip cannot be read.
        """
        with open_frames(path, every=self.every, most=MOST_FRAMES) as frames:
            watched = Watched(frames.clip)
            for batch in _batches(frames, BATCH):
                self._score(batch, watched)
                done = len(watched.frames)
                words = f"frame {done:,} of {frames.planned:,}"
                progress(SHARE_OF_SCORES * done / max(frames.planned, done), words)
            told = [*frames.notices, *notices_of(watched.frames)]
            watched.notices = list(dict.fromkeys(told))
        return watched

    def _score(self, batch: Sequence[Frame], watched: Watched) -> None:
        seen = self.reader.look([frame.pixels for frame in batch])
        usable = [face.variants for faces in seen for face in faces if face.variants is not None]
        count = 1 + len(CHANGES)
        scores = self.score(np.concatenate(usable)).reshape(-1, count) if usable else np.empty(0)
        rows = iter(scores)
        for frame, faces in zip(batch, seen, strict=True):
            found = []
            for face in faces:
                own = None if face.variants is None else next(rows)
                bare = replace(face, variants=None)  # the pixels can go
                found.append(Appearance(frame.index, frame.time, face.face, bare, own))
            watched.frames.append(found)
            watched.times.append(frame.time)

    def people(self, path: str | Path, watched: Watched, progress: Progress) -> list[Person]:
        """Returns the people of a clip that was watched, with verdicts, crops and evidence."""
        followed = self._follow(watched)
        found: list[Person] = []
        for number, (appearances, outcome) in enumerate(followed):
            found.append(self._person(number, appearances, outcome))
        found = _with_crops(path, found, followed, self.reader)
        if self.reader.finder is None:
            return found
        judged = [place for place, person in enumerate(found) if not person.outcome]
        seen = [[(each.index, each.time, each.face) for each in followed[p][0]] for p in judged]
        finder = self.reader.finder

        def tell(share: float) -> None:
            done = SHARE_OF_SCORES + (1 - SHARE_OF_SCORES) * share
            progress(done, "blinks, lips and flicker")

        evidence = evidence_of_clip(path, watched.clip, seen, finder, self.normal, tell)
        for place, signs in zip(judged, evidence, strict=False):
            found[place] = with_evidence(found[place], signs)
        return found

    def _follow(self, watched: Watched) -> list[tuple[list[Appearance], str]]:
        """Returns the appearances of each person, and the outcome of one who was seen once."""
        if self.reader.finder is None:  # each frame is one face, and all are of one person
            alone = [each for frame in watched.frames for each in frame]
            return [(alone, "")] if alone else []
        faces = [[each.face for each in frame] for frame in watched.frames]
        tracks: list[Track] = track_faces(faces, times=watched.times)
        by_face = {id(each.face): each for frame in watched.frames for each in frame}
        return [([by_face[id(face)] for face in track.faces], track.outcome) for track in tracks]

    def _person(self, number: int, appearances: Sequence[Appearance], outcome: str) -> Person:
        frames = [each.as_dict() for each in appearances]
        scored = [each for each in appearances if each.scores is not None]
        if outcome or not scored:
            outcomes = Counter(each.seen.outcome for each in appearances if each.seen.outcome)
            largest = max(appearances, key=lambda each: each.seen.quality["side"])
            why = outcome or outcomes.most_common(1)[0][0]
            return replace(unusable(number, largest.seen, why), frames=frames)
        table = np.stack([each.scores for each in scored])
        pooled = np.array([pool_scores(column, *self.pooling) for column in table.T])
        worst = scored[int(np.argmax(table[:, 0]))]
        crop = float(np.median([each.seen.quality["crop"] for each in scored]))
        about = {"quality": {**worst.seen.quality, "crop": crop}, **worst.seen.about()}
        return self.judge.person(number, pooled, frames=frames, **about)


def describe_clip_of(watched: Watched, every: int) -> dict[str, Any]:
    """Returns what `Verdict.clip` holds."""
    clip = watched.clip
    return {
        "frames": len(watched.frames),
        "every": every,
        "seconds": clip.seconds,
        "rate": clip.rate,
        "codec": clip.codec,
        "container": clip.container,
        "has_sound": clip.has_sound,
    }


def _with_crops(
    path: str | Path,
    people: Sequence[Person],
    followed: Sequence[tuple[list[Appearance], str]],
    reader: FaceReader,
) -> list[Person]:
    """Reads the frame with each person's highest score once more, for what the networks saw."""
    wanted: dict[int, list[tuple[int, Face | None]]] = {}
    for place, (person, (appearances, _)) in enumerate(zip(people, followed, strict=True)):
        if not person.outcome:
            scored = [each for each in appearances if each.scores is not None]
            worst = max(scored, key=lambda each: each.scores[0])
            wanted.setdefault(worst.index, []).append((place, worst.face))
    found = list(people)
    if not wanted:
        return found

    def choose(total: int) -> np.ndarray:
        return np.array([index for index in sorted(wanted) if index < total], dtype=int)

    with open_chosen(path, choose) as frames:
        for frame in frames:
            for place, face in wanted.get(frame.index, []):
                found[place] = replace(found[place], crop=reader.crop(frame.pixels, face))
    return found


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    waiting = iter(frames)
    while batch := list(islice(waiting, size)):
        yield batch
