"""Bytes to pixels: one decoder for every picture (`images`), frames and sound of clips (`videos`).

Light to import: the decoders load Pillow, OpenCV and PyAV only when they are imported themselves.
"""

from __future__ import annotations

import os

# fmt: off
IMAGE_EXTENSIONS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif",
    ".jp2", ".ppm", ".pgm",
})
VIDEO_EXTENSIONS = frozenset({
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv",
})
# fmt: on


def kind_of(path: str) -> str:
    """Returns "image" or "video" by the ending of `path`, or "" when it is neither."""
    extension = os.path.splitext(path)[1].lower()
    if extension in IMAGE_EXTENSIONS:
        return "image"
    return "video" if extension in VIDEO_EXTENSIONS else ""


class Rejected(Exception):
    """A file that gives no trustworthy pixels.

    Attributes:
        reason: a few fixed words: "empty file", "not an image", "corrupt", "truncated",
            "too large" or "too small"; of clips also "not a video", "no video stream",
            "no frames" or "too long".
        detail: what exactly was found and, for clips, what to do, for a person.
    """

    def __init__(self, reason: str, detail: str = ""):
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)
