"""Makes pictures of both classes alike in what is no part of the face: size and JPEG quality.

A class that was stored larger, or encoded better, can be told by that alone (Grommelt et al. 2024,
arXiv:2403.17608). What one class has lost cannot be given back, so all lose as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
import pandas as pd

# So many of a class may lie below what is taken for usual in it.
UNUSUAL = 0.05
UNKNOWN_QUALITY = 90  # where no file tells the quality it was encoded with


@dataclass(frozen=True)
class Equaliser:
    """What all pictures are brought to; None leaves it as it is.

    Attributes:
        side: no picture brings more pixels than this along a side, before the last resize.
        quality: every face is encoded and decoded once at this JPEG quality.
    """

    side: int | None = None
    quality: int | None = None

    def as_dict(self) -> dict[str, int]:
        """Returns what is equalised, by the names of `settings.EQUALISE`."""
        values = {"size": self.side, "jpeg_quality": self.quality}
        return {name: value for name, value in values.items() if value is not None}

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """Returns a (nearly) square picture, uint8 `[h, w, 3]`, no larger than `side`."""
        if self.side is None or min(picture.shape[:2]) <= self.side:
            return picture
        return cv2.resize(picture, (self.side, self.side), interpolation=cv2.INTER_AREA)

    def encode(self, face: np.ndarray) -> np.ndarray:
        """Returns a face, uint8 `[size, size, 3]`, as it is after JPEG at `quality`."""
        if self.quality is None:
            return face
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality]
        # OpenCV takes the channels for BGR: turned for it, and turned back.
        data = cv2.imencode(".jpg", face[..., ::-1], options)[1]
        return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])

    def key(self) -> list[int | None]:
        """Returns what a decoded face depends on, as plain data."""
        return list(asdict(self).values())


def plan_equaliser(files: pd.DataFrame, what: Sequence[str]) -> Equaliser:
    """Chooses what both classes can be brought to, from what the headers of the files say.

    The size is the shorter side, and the quality the JPEG quality, that all but `UNUSUAL` of the
    files of the poorer class reach. A picture that is no JPEG, or of a quality that its header
    does not tell, counts as no worse than the others.

    Args:
        files: `label`, `width`, `height`, `jpeg_quality` (NaN where not known).
        what: of `settings.EQUALISE`.
    """
    sides = files[["width", "height"]].min(axis=1)
    side = _poorer_class(sides, files["label"]) if "size" in what else None
    quality = None
    if "jpeg_quality" in what:
        quality = _poorer_class(files["jpeg_quality"], files["label"]) or UNKNOWN_QUALITY
    return Equaliser(side, quality)


def _poorer_class(values: pd.Series, labels: pd.Series) -> int | None:
    known = values.notna()
    usual = values[known].groupby(labels[known]).quantile(UNUSUAL, interpolation="lower")
    return None if usual.empty else int(usual.min())
