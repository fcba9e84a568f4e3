"""Frames of a clip, through OpenCV."""

from __future__ import annotations

import os
from pathlib import Path

# Before OpenCV loads FFmpeg: else a broken clip writes a wall of lines into a notebook.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np

from . import Rejected


def read_frames(path: str | Path, count: int) -> list[tuple[int, np.ndarray]]:
    """Returns `count` evenly spaced frames (fewer when the clip is shorter), upright.

    A clip that breaks off gives frames of its readable part.

    Returns:
        Pairs of frame index (from 0) and pixels, uint8 `[height, width, 3]`, RGB.

    Raises:
        Rejected: "empty file" or "no frames".
    """
    if os.path.getsize(path) == 0:
        raise Rejected("empty file")
    frames, readable = _grab(path, _evenly_spaced(_promised_frames(path), count))
    if len(frames) < min(count, readable):
        frames, _ = _grab(path, _evenly_spaced(readable, count))
    if not frames:
        raise Rejected("no frames", "OpenCV cannot read a single frame")
    return frames


def read_frame(path: str | Path, index: int) -> np.ndarray:
    """Returns the frame at `index` (from 0), upright: uint8 `[height, width, 3]`, RGB.

    Raises:
        Rejected: "no frames": the clip ends before it.
    """
    frames, _ = _grab(path, [index])
    if not frames:
        raise Rejected("no frames", f"OpenCV cannot read frame {index}")
    return frames[0][1]


def describe_video(path: str | Path) -> dict[str, int]:
    """Returns `width` and `height` in pixels (upright) as the header says.

    Raises:
        Rejected: "no frames": OpenCV cannot open the clip.
    """
    capture = cv2.VideoCapture(str(path))
    try:
        width = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    finally:
        capture.release()
    if width <= 0 or height <= 0:
        raise Rejected("no frames", "OpenCV cannot open the clip")
    return {"width": width, "height": height}


def _promised_frames(path: str | Path) -> int:
    capture = cv2.VideoCapture(str(path))
    try:
        return max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    finally:
        capture.release()


def _evenly_spaced(total: int, count: int) -> list[int]:
    """The middles of `count` equal parts of `total` frames."""
    return sorted({int((part + 0.5) * total / count) for part in range(count)}) if total else []


def _grab(path: str | Path, wanted: list[int]) -> tuple[list[tuple[int, np.ndarray]], int]:
    """Returns the wanted frames and how many could be read up to the last wanted one (or all)."""
    frames: list[tuple[int, np.ndarray]] = []
    capture = cv2.VideoCapture(str(path))
    index = 0
    try:
        while (not wanted or index <= wanted[-1]) and capture.grab():
            if index in wanted:
                found, pixels = capture.retrieve()
                if not found:
                    break
                frames.append((index, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)))
            index += 1
    finally:
        capture.release()
    return frames, index
