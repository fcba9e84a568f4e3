"""From pictures, or the frames of a clip, to faces: found, judged, cut out, followed.

A face that cannot be used is an outcome with a name ("no face", "too small", "too blurred",
"seen once"), never a silent loss: if one class loses more than the other, a detector can learn it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np

from ..media.faces import Face, FaceFinder, crop_as_trained, judge_face, make_finder, track_faces
from .equalise import Equaliser
from .face_choice import FaceChoice
from .near_copies.fingerprints import SIDE, add_pixels, shrink
from .squares import square

BATCH = 8  # frames in memory at the same time


class Picture(NamedTuple):
    """A picture, or a frame of a clip, to look for faces in.

    `frame` is its index (0 for a picture), `time` in seconds; pixels uint8 [height, width, 3].
    """

    frame: int
    time: float
    pixels: np.ndarray


class FaceOfFile(NamedTuple):
    """A face to keep.

    `number` is its place among the faces of its frame, by falling area; `person` is the same for
    one person through a clip where people are followed, else 0. `pixels` uint8 [size, size, 3].
    """

    frame: int
    number: int
    person: int
    box: tuple[float, float, float, float]
    confidence: float
    pixels: np.ndarray | None

    @property
    def name(self) -> str:
        """What tells it from the other faces of its file: its frame, and its place in it."""
        return f"{self.frame}-{self.number}" if self.number else str(self.frame)


class Loss(NamedTuple):
    """What a frame, or a face in it, did not give, and why."""

    frame: int
    reason: str
    detail: str


class _Candidate(NamedTuple):
    """A face that was seen: `place` of its frame among those looked at, `outcome` "" if usable."""

    place: int
    number: int
    face: Face
    outcome: str
    pixels: np.ndarray | None


@dataclass
class Sought:
    """What looking for faces in one file gave.

    Attributes:
        kept: faces to keep, in the order of frames.
        lost: frames without a face, and faces that cannot be used.
        frames: index of each frame that was looked at.
        pixels_id: hex digest of the pixels of all frames, equal for exact copies.
        thumbnail: of the middle frame; see `near_copies.Fingerprint`.
    """

    kept: list[FaceOfFile] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    pixels_id: str = ""
    thumbnail: bytes = b""

    @property
    def middle(self) -> int:
        """The frame that `thumbnail` shows."""
        return self.frames[len(self.frames) // 2]


@dataclass(frozen=True)
class FaceSeeker:
    """Looks for faces as `choice` says, with a finder that stays loaded."""

    choice: FaceChoice
    finder: FaceFinder | None

    @classmethod
    def make(cls, choice: FaceChoice) -> FaceSeeker:
        """Returns one for `choice`, without a finder where pictures are taken whole.

        Raises:
            DataError: the finder that was asked for cannot be had.
        """
        return cls(choice, make_finder(choice.finder) if choice.searched else None)

    def key(self) -> list:
        """Returns what a face depends on, as plain data; nothing for pictures taken whole."""
        if not self.choice.searched:
            return [self.choice.every] if self.choice.every else []
        return [*self.choice.as_dict().values(), self.finder.name]

    def seek(self, pictures: Iterable[Picture], size: int, equaliser: Equaliser) -> Sought:
        """Looks at every picture once, a few in memory at a time.

        Args:
            pictures: one for a photo; the frames of a clip in the order of time.
            size: side of a face, in pixels.
            equaliser: what every face is brought to.
        """
        sought, digest = Sought(), hashlib.sha256()
        found: list[list[Face]] = []
        times, thumbnails = [], []
        candidates: list[_Candidate] = []
        for batch in _batches(iter(pictures)):
            for picture, faces in zip(
                batch, self.finder.find([each.pixels for each in batch]), strict=True
            ):
                faces = faces[:1] if self.choice.faces == "largest" else faces
                for number, face in enumerate(faces):
                    cut = self._cut(picture.pixels, face, size, equaliser)
                    candidates.append(_Candidate(len(found), number, face, *cut))
                add_pixels(digest, picture.pixels)
                thumbnails.append(shrink(picture.pixels, SIDE).tobytes())
                sought.frames.append(picture.frame)
                found.append(faces)
                times.append(picture.time)
        sought.pixels_id = digest.hexdigest()
        sought.thumbnail = thumbnails[len(thumbnails) // 2] if thumbnails else b""
        self._sort_out(sought, found, times, candidates)
        return sought

    def _cut(
        self, pixels: np.ndarray, face: Face, size: int, equaliser: Equaliser
    ) -> tuple[str, np.ndarray | None]:
        """Returns why a face cannot be used, or "" and the face, uint8 [size, size, 3]."""
        outcome = judge_face(
            pixels,
            face,
            minimum_side=self.choice.minimum_face,
            minimum_sharpness=self.choice.minimum_sharpness,
        )
        if outcome:
            return outcome, None
        return "", square(crop_as_trained(pixels, face, self.choice.framing), size, equaliser)

    def _sort_out(
        self,
        sought: Sought,
        found: list[list[Face]],
        times: list[float],
        candidates: list[_Candidate],
    ) -> None:
        """Says of each face whose it is and whether it stays, and of each frame without a face."""
        people: dict[int, tuple[int, str]] = {}
        if self.choice.faces == "tracked" and len(found) > 1:
            for track in track_faces(found, times=times):
                people |= {id(face): (track.person, track.outcome) for face in track.faces}
        for place, faces in enumerate(found):
            if not faces:
                sought.lost.append(Loss(sought.frames[place], "no face", ""))
        for place, number, face, outcome, pixels in candidates:
            person, seen = people.get(id(face), (0, ""))
            frame = sought.frames[place]
            if outcome or seen:
                width, height = (round(side) for side in face.box[2:])
                detail = f"face {number + 1} of the frame, {width} x {height} pixels"
                sought.lost.append(Loss(frame, outcome or seen, detail))
            else:
                box = tuple(round(float(value), 2) for value in face.box)
                confidence = round(float(face.confidence), 4)
                sought.kept.append(FaceOfFile(frame, number, person, box, confidence, pixels))
        sought.lost.sort()


WHOLE = FaceSeeker(FaceChoice(), None)


def loss_of_file(lost: Sequence[Loss], frames: int) -> Loss:
    """Returns what is said of a file that gave no face at all: its most frequent outcome."""
    counts = Counter(loss.reason for loss in lost).most_common()
    told = ", ".join(f"{count} {reason}" for reason, count in counts)
    detail = f"in none of {frames} frames ({told})" if frames > 1 else lost[0].detail
    return Loss(-1, counts[0][0], detail)


def _batches(pictures: Iterator[Picture]) -> Iterator[list[Picture]]:
    while batch := list(islice(pictures, BATCH)):
        yield batch
