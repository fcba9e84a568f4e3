"""A few files of each generator as small pictures, to look at before anything is measured."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from ..media import Rejected
from ..media.images import decode_image
from ..media.videos import read_frames


def sample_pictures(
    files: pd.DataFrame, *, per_generator: int, side: int, seed: int
) -> tuple[list[np.ndarray], list[str], list[int]]:
    """Returns a seeded draw of readable pictures of each generator, real ones first.

    Args:
        files: a files table.
        per_generator: pictures of each, at most.
        side: of the square thumbnails, in pixels.
        seed: of the draw.

    Returns:
        uint8 `[side, side, 3]` pictures, a caption for each (its generator), their labels.
    """
    pictures, captions, labels = [], [], []
    for (label, generator), part in files.groupby(["label", "generator"], sort=True):
        drawn = part.sample(min(len(part), 3 * per_generator), random_state=seed)
        shown = 0
        for row in drawn.itertuples():
            pixels = _first_pixels(row.path, row.kind)
            if pixels is not None and shown < per_generator:
                pictures.append(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA))
                captions.append(f"{generator} (clip)" if row.kind == "video" else generator)
                labels.append(int(label))
                shown += 1
    return pictures, captions, labels


def _first_pixels(path: str, kind: str) -> np.ndarray | None:
    try:
        if kind == "video":
            return read_frames(path, 1)[0][1]
        return decode_image(Path(path).read_bytes()).pixels
    except (Rejected, OSError):
        return None
