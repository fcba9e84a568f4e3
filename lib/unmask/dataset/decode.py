"""One file to its faces: square, resized, with what its copies are found by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .. import runs
from ..media import Rejected, videos
from ..media.images import decode_image
from .equalise import Equaliser
from .face_choice import FaceChoice
from .near_copies.fingerprints import SIDE, add_pixels, shrink
from .seeking import WHOLE, FaceOfFile, FaceSeeker, Loss, Picture, loss_of_file
from .settings import PreprocessSettings
from .squares import NEARLY_SQUARE, square

__all__ = ["DAMAGED", "NEARLY_SQUARE", "FacesOfFile", "decode_file", "square"]

DAMAGED = "frames of a damaged clip that are whole"


@dataclass(frozen=True)
class FacesOfFile:
    """What one file gives.

    Attributes:
        frames: index of each face's frame; `[0]` for a picture.
        faces: uint8 `[faces, size, size, 3]`, RGB.
        pixels_id: hex digest of the decoded pixels at full size; equal for exact copies.
        thumbnail: of the middle frame, for near copies; see `near_copies.Fingerprint`.
        notes: what the decoder had to convert.
        found: where faces were looked for, what is known of each of `faces`.
        lost: where faces were looked for, frames without one and faces that cannot be used.
        looked_at: where faces were looked for, the index of each frame that was decoded.
    """

    frames: list[int]
    faces: np.ndarray
    pixels_id: str
    thumbnail: bytes
    notes: tuple[str, ...]
    found: tuple[FaceOfFile, ...] = ()
    lost: tuple[Loss, ...] = ()
    looked_at: tuple[int, ...] = ()

    @property
    def middle(self) -> int:
        """The frame that `thumbnail` shows."""
        frames = self.looked_at or self.frames
        return frames[len(frames) // 2]

    @property
    def loss(self) -> Loss | None:
        """What is said of the file when it gave no face; None when it gave one."""
        return None if self.frames else loss_of_file(self.lost, len(self.looked_at))

    @property
    def face_names(self) -> list[str]:
        """What tells each face from the others of this file: its frame, and its place in it."""
        if not self.found:
            return [str(frame) for frame in self.frames]
        return [face.name for face in self.found]


def decode_file(
    path: str,
    file_id: str,
    kind: str,
    settings: PreprocessSettings,
    equaliser: Equaliser | None = None,
    seeker: FaceSeeker = WHOLE,
) -> FacesOfFile:
    """Decodes a file once; copies are told by its own pixels, before anything is equalised.

    Args:
        path: of a picture or a clip.
        file_id: sha256 of the bytes that were listed.
        kind: "image" or "video".
        settings: size of a face, frames of a clip.
        equaliser: what every face is brought to.
        seeker: looks for faces; `WHOLE` takes each picture as it is.

    Raises:
        Rejected: the reasons of `media`, "unreadable", or "changed" when the bytes are no longer
            those that `file_id` was made of.
    """
    if not file_id:
        raise Rejected("unreadable", "it could not be read when it was listed")
    notes: list[str] = []
    try:
        if kind == "video":
            _check_unchanged(file_id, runs.sha256_file(path))
            pictures = _pictures_of_clip(path, settings.frames_per_clip, seeker.choice, notes)
        else:
            with open(path, "rb") as stream:
                data = stream.read()
            _check_unchanged(file_id, hashlib.sha256(data).hexdigest())
            decoded = decode_image(data)
            pictures, notes = iter([Picture(0, 0.0, decoded.pixels)]), list(decoded.notes)
        pictures = _large_enough(pictures, settings.minimum_side)
        if seeker.choice.searched:
            return _searched(pictures, settings.size, equaliser or Equaliser(), seeker, notes)
        return _whole(pictures, settings.size, equaliser, notes)
    except OSError as error:
        raise Rejected("unreadable", error.strerror or str(error)) from error


def _whole(
    pictures: Iterator[Picture], size: int, equaliser: Equaliser | None, notes: list[str]
) -> FacesOfFile:
    frames, faces, thumbnails, digest = [], [], [], hashlib.sha256()
    for each in pictures:  # one in memory at a time, however many frames are asked for
        frames.append(each.frame)
        faces.append(square(each.pixels, size, equaliser))
        thumbnails.append(shrink(each.pixels, SIDE).tobytes())
        add_pixels(digest, each.pixels)
    thumbnail = thumbnails[len(thumbnails) // 2]
    return FacesOfFile(frames, np.stack(faces), digest.hexdigest(), thumbnail, tuple(notes))


def _searched(
    pictures: Iterator[Picture],
    size: int,
    equaliser: Equaliser,
    seeker: FaceSeeker,
    notes: list[str],
) -> FacesOfFile:
    sought = seeker.seek(pictures, size, equaliser)
    faces = np.empty((0, size, size, 3), np.uint8)
    if sought.kept:
        faces = np.stack([face.pixels for face in sought.kept])
    return FacesOfFile(
        frames=[face.frame for face in sought.kept],
        faces=faces,
        pixels_id=sought.pixels_id,
        thumbnail=sought.thumbnail,
        notes=tuple(notes),
        found=tuple(face._replace(pixels=None) for face in sought.kept),
        lost=tuple(sought.lost),
        looked_at=tuple(sought.frames),
    )


def _pictures_of_clip(
    path: str, count: int, choice: FaceChoice, notes: list[str]
) -> Iterator[Picture]:
    """Yields the frames that were asked for, one at a time, however long the clip is; adds to
    `notes` what is wrong with it.
    """
    if choice.searched or choice.every:
        asked = {"every": choice.every} if choice.every else {"count": count}
        frames = reader = videos.open_frames(path, **asked)
    else:
        frames, reader = videos.read_evenly(path, count)
    with reader:
        for frame in frames:
            yield Picture(frame.index, frame.time, frame.pixels)
    notes += dict.fromkeys(
        DAMAGED if notice in reader.damage else notice for notice in reader.notices
    )


def _large_enough(pictures: Iterator[Picture], minimum_side: int) -> Iterator[Picture]:
    for number, picture in enumerate(pictures):
        height, width = picture.pixels.shape[:2]
        if not number and min(height, width) < minimum_side:
            raise Rejected("too small", f"{width} x {height} pixels")
        yield picture


def _check_unchanged(file_id: str, now: str) -> None:
    if file_id != now:
        raise Rejected("changed", "the bytes are not those that were listed")
