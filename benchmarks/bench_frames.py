"""Every tenth frame of a clip, and a few spread over it: Unmask's reader against OpenCV's loops."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from unmask.media.videos import open_frames

EVERY = 10
SPREAD = 8
RATE = 25
# name: file, codec, its options
CODECS = {
    "H.264": ("clip.mp4", "libx264", {"preset": "veryfast", "crf": "23"}),
    "HEVC": ("clip_hevc.mp4", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    "VP9": ("clip.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "2M"}),
    "MPEG-4": ("clip_mpeg4.mp4", "mpeg4", {"b": "3M"}),
    "Motion JPEG": ("clip.avi", "mjpeg", {}),
}


def write_clip(
    path: Path,
    codec: str,
    options: dict[str, str],
    seconds: float,
    size: tuple[int, int] = (1280, 720),
) -> Path:
    """Writes a clip of `size` (width, height): a blurred texture that drifts, with some noise."""
    width, height = size
    generator = np.random.default_rng(0)
    texture = generator.integers(0, 256, (height // 8, width // 4, 3), dtype=np.uint8)
    texture = cv2.resize(texture, (2 * width, height), interpolation=cv2.INTER_CUBIC)
    noise = generator.integers(0, 12, (height, width, 3), dtype=np.uint8)
    kind = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, kind
        for number in range(int(seconds * RATE)):
            left = 2 * number % width
            pixels = cv2.add(texture[:, left : left + width], np.roll(noise, 7 * number, axis=1))
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=kind)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def every_ways(path: Path) -> dict[str, Callable[[], int]]:
    """Returns ways to deliver every tenth frame as RGB, all returning how many they delivered."""
    return {
        "Unmask": lambda: sum(1 for _ in open_frames(path, every=EVERY)),
        "OpenCV, every frame read": lambda: _read_all(path, lambda index: index % EVERY == 0),
        "OpenCV, the others grabbed": lambda: _grab(path, lambda index: index % EVERY == 0),
    }


def spread_ways(path: Path, frames: int) -> dict[str, Callable[[], int]]:
    """Returns ways to deliver a few evenly spaced frames of a clip of `frames` frames."""
    wanted = {int((part + 0.5) * frames / SPREAD) for part in range(SPREAD)}
    return {
        "Unmask": lambda: sum(1 for _ in open_frames(path, count=SPREAD)),
        "OpenCV, every frame read": lambda: _read_all(path, wanted.__contains__),
        "OpenCV, the others grabbed": lambda: _grab(path, wanted.__contains__),
    }


def _read_all(path: Path, is_wanted: Callable[[int], bool]) -> int:
    capture, index, delivered = cv2.VideoCapture(str(path)), 0, 0
    while True:
        found, pixels = capture.read()
        if not found:
            return delivered
        if is_wanted(index):
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
            delivered += 1
        index += 1


def _grab(path: Path, is_wanted: Callable[[int], bool]) -> int:
    capture, index, delivered = cv2.VideoCapture(str(path)), 0, 0
    while capture.grab():
        if is_wanted(index):
            cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
            delivered += 1
        index += 1
    return delivered
