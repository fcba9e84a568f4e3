"""Clips: frames by index and time, upright and in RGB, and the sound track.

PyAV reads them and not OpenCV. It tells the packets apart without decoding them, so that frames
nobody refers to are skipped, stretches between far-apart frames are not decoded, and times are the
clip's own; it reads sound, and files in memory. For every tenth frame of 1280 x 720 it needs 1.6
(H.264), 2.9 (HEVC), 1.1 (VP9), 1.7 (MPEG-4) and 7.8 times (Motion JPEG) less processor time than
OpenCV's loop that reads every frame; against grabbing the others 1.3, 1.9, 1.0, 1.1 and 6.2 (see
`benchmarks/README.md`). 8-bit pixels are the same, bit for bit.
"""

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
    "read_evenly",
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
    return [(frame.index, frame.pixels) for frame in read_evenly(path, count)[0]]


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
