"""YuNet: one small network that sees all faces of a picture at once, run by OpenCV.

Wu, Peng, Yu, YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 2023.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from .pictures import SmallerFirst
from .records import Face
from .weights import yunet_file

LEAST_CONFIDENCE = 0.7
MOST_OVERLAP = 0.3  # IoU of two boxes above which the worse one is dropped
MOST_CANDIDATES = 1000
# Pixels; OpenCV 4.12 gives boxes of any numbers, with full confidence, for 32 x 320 and the like.
LEAST_SIDE = 64


class YunetFinder(SmallerFirst):
    """Finds faces with `cv2.FaceDetectorYN`.

    One network serves one thread at a time, so that there are as many as threads that search at
    once.
    """

    name = "yunet"
    title = "YuNet (OpenCV)"

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        longer_side: int = 640,
        minimum_confidence: float | None = None,
        notices: tuple[str, ...] = (),
    ):
        super().__init__(longer_side)
        self.notices = notices
        self.minimum_confidence = (
            LEAST_CONFIDENCE if minimum_confidence is None else minimum_confidence
        )
        self.weights = yunet_file(weights)
        self._idle: deque[cv2.FaceDetectorYN] = deque([self._open()])

    def search(self, pixels: np.ndarray, again: bool) -> list[Face]:
        """See `SmallerFirst`."""
        height, width = (max(side, LEAST_SIDE) for side in pixels.shape[:2])
        missing = height - pixels.shape[0], width - pixels.shape[1]
        if any(missing):
            borders = (0, missing[0], 0, missing[1], cv2.BORDER_CONSTANT)
            pixels = cv2.copyMakeBorder(pixels, *borders)
        with self._network() as network:
            network.setInputSize((width, height))
            _, found = network.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        # left, top, width, height; five points, the one on the picture's left first; confidence
        rows = np.zeros((0, 15)) if found is None else found.astype(np.float64)
        return [
            Face(tuple(map(float, row[:4])), row[4:14].reshape(5, 2).copy(), float(row[14]))
            for row in rows
        ]

    @contextmanager
    def _network(self) -> Iterator[cv2.FaceDetectorYN]:
        try:
            network = self._idle.popleft()
        except IndexError:
            network = self._open()
        yield network
        self._idle.append(network)  # not after an error, which may leave it in any state

    def _open(self) -> cv2.FaceDetectorYN:
        return cv2.FaceDetectorYN.create(
            str(self.weights),
            "",
            (320, 320),
            float(self.minimum_confidence),
            MOST_OVERLAP,
            MOST_CANDIDATES,
        )
