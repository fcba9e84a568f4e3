"""One file to its faces: square, resized, with what its copies are found by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

from .. import runs
from ..media import Rejected
from ..media.images import decode_image
from ..media.videos import read_frames
from .equalise import Equaliser
from .near_copies.fingerprints import SIDE, pixels_id, shrink
from .settings import PreprocessSettings

# Up to this ratio of the sides a picture is taken for a square one.
NEARLY_SQUARE = 1.03


@dataclass(frozen=True)
class FacesOfFile:
    """What one file gives.

    Attributes:
        frames: index of each face's frame; `[0]` for a picture.
        faces: uint8 `[faces, size, size, 3]`, RGB.
        pixels_id: hex digest of the decoded pixels at full size; equal for exact copies.
        thumbnail: of the middle frame, for near copies; see `near_copies.Fingerprint`.
        notes: what the decoder had to convert.
    """

    frames: list[int]
    faces: np.ndarray
    pixels_id: str
    thumbnail: bytes
    notes: tuple[str, ...]

    @property
    def middle(self) -> int:
        """The frame that `thumbnail` shows."""
        return self.frames[len(self.frames) // 2]


def decode_file(
    path: str,
    file_id: str,
    kind: str,
    settings: PreprocessSettings,
    equaliser: Equaliser | None = None,
) -> FacesOfFile:
    """Decodes a file once; copies are told by its own pixels, before anything is equalised.

    Raises:
        Rejected: the reasons of `media`, "unreadable", or "changed" when the bytes are no longer
            those that `file_id` was made of.
    """
    if not file_id:
        raise Rejected("unreadable", "it could not be read when it was listed")
    try:
        if kind == "video":
            _check_unchanged(file_id, runs.sha256_file(path))
            pictures = read_frames(path, settings.frames_per_clip)
            notes: tuple[str, ...] = ()
        else:
            with open(path, "rb") as stream:
                data = stream.read()
            _check_unchanged(file_id, hashlib.sha256(data).hexdigest())
            decoded = decode_image(data)
            pictures, notes = [(0, decoded.pixels)], decoded.notes
    except OSError as error:
        raise Rejected("unreadable", error.strerror or str(error)) from error
    height, width = pictures[0][1].shape[:2]
    if min(height, width) < settings.minimum_side:
        raise Rejected("too small", f"{width} x {height} pixels")
    frames = [frame for frame, _ in pictures]
    faces = np.stack([square(pixels, settings.size, equaliser) for _, pixels in pictures])
    digest = pixels_id(pixels for _, pixels in pictures)
    thumbnail = shrink(pictures[len(pictures) // 2][1], SIDE).tobytes()
    return FacesOfFile(frames, faces, digest, thumbnail, notes)


def square(pixels: np.ndarray, size: int, equaliser: Equaliser | None = None) -> np.ndarray:
    """Returns the picture as uint8 `[size, size, 3]`: the middle square when it is not square.

    Shrinks by area averaging, enlarges linearly.
    """
    equaliser = equaliser or Equaliser()
    height, width = pixels.shape[:2]
    side = min(height, width)
    if max(height, width) > NEARLY_SQUARE * side:
        top, left = (height - side) // 2, (width - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    if equaliser.side is not None and side > equaliser.side:
        pixels, side = equaliser.shrink(pixels), equaliser.side
    how = cv2.INTER_AREA if side >= size else cv2.INTER_LINEAR
    return equaliser.encode(cv2.resize(pixels, (size, size), interpolation=how))


def _check_unchanged(file_id: str, now: str) -> None:
    if file_id != now:
        raise Rejected("changed", "the bytes are not those that were listed")
