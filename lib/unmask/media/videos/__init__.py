"""Clips: frames by index and time, upright and in RGB, and the sound track."""

from __future__ import annotations

import math

import numpy as np

from .. import Rejected
from .clip import Clip, describe_clip
from .container import Source
from .reader import Frame, FrameReader, open_chosen, open_frames, read_evenly
from .sound import Sound, read_sound

__all__ = [
    "Clip",
    "Frame",
    "FrameReader",
    "Sound",
    "describe_clip",
    "describe_video",
    "open_frames",
    "read_frame",
    "read_frames",
    "read_sound",
]


def read_frames(path: Source, count: int) -> list[tuple[int, np.ndarray]]:
    """Returns `count` evenly spaced frames (fewer when the clip is shorter), upright.

    A clip that breaks off gives frames of its readable part.

    Returns:
        Pairs of frame index (from 0) and pixels, uint8 `[height, width, 3]`, RGB.

    Raises:
        Rejected: as `describe_clip`.
        OSError: the file cannot be read.
    """
    return [(frame.index, frame.pixels) for frame in read_evenly(path, count)]


def read_frame(path: Source, index: int) -> np.ndarray:
    """Returns the frame at `index` (from 0), upright: uint8 `[height, width, 3]`, RGB.

    Raises:
        Rejected: as `describe_clip`; "no frames" when the clip ends before it.
        OSError: the file cannot be read.
    """

    def choose(total: int) -> np.ndarray:
        if not 0 <= index < total:
            raise Rejected("no frames", f"the clip has {total} frames, so none of index {index}")
        return np.array([index])

    return next(iter(open_chosen(path, choose, math.inf))).pixels


def describe_video(path: Source) -> dict[str, int]:
    """Returns `width` and `height` in pixels, upright.

    Raises:
        Rejected: as `describe_clip`.
        OSError: the file cannot be read.
    """
    clip = describe_clip(path)
    return {"width": clip.width, "height": clip.height}
