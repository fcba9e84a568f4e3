"""How given face crops frame the face."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from .crops import NEARLY_SQUARE
from .pictures import add_border
from .records import Face, FaceFinder, Framing

# Below this share of pictures with a face, the pictures are not crops of faces.
LEAST_FOUND = 1 / 3
BATCH = 16


def measure_framing(pictures: Iterable[np.ndarray], finder: FaceFinder) -> Framing | None:
    """Measures how face crops frame the face: medians over the pictures with a face.

    Of a picture that is not nearly square the middle square counts, as a detector sees it. In a
    picture of several faces the largest one counts.

    Finders draw too small a box around a face that fills the picture: YuNet's is 15% too small
    where the crop cuts 15% off. So they get each picture shrunk, with its edge pixels repeated
    around it and blurred. Crops of known margins from -0.15 to 0.6 were then measured back to
    within 5% of their side (real clips, FFHQ portraits and the demo, either finder).

    Args:
        pictures: uint8 `[height, width, 3]` each, of any sizes; read once, a few at a time.
        finder: from `make_finder`; boxes of another finder may be framed a little otherwise.

    Returns:
        The framing, its source "measured"; None when a face was found in fewer than a third.
    """
    measured: list[tuple[float, float, float]] = []
    looked_at = 0
    for batch in _batches(iter(pictures)):
        looked_at += len(batch)
        for pixels, faces in zip(batch, _find_with_border(batch, finder), strict=True):
            if faces:
                longer = max(faces[0].box[2:])
                height, width = pixels.shape[:2]
                x, y = faces[0].center
                margin = _side(height, width) / longer - 1
                measured.append((margin, (width / 2 - x) / longer, (height / 2 - y) / longer))
    if not measured or len(measured) < LEAST_FOUND * looked_at:
        return None
    margin, right, down = (round(float(value), 4) for value in np.median(measured, axis=0))
    return Framing(margin, (right, down), False, "measured", looked_at, len(measured))


def _find_with_border(batch: list[np.ndarray], finder: FaceFinder) -> list[list[Face]]:
    """The faces of each picture, in its own pixels, found with a border around it if possible."""
    bordered = [add_border(pixels) for pixels in batch]
    searched = finder.find([pixels for pixels, _ in bordered])
    found = [
        [back(face) for face in faces] for faces, (_, back) in zip(searched, bordered, strict=True)
    ]
    missed = [place for place, faces in enumerate(found) if not faces]
    again = finder.find([batch[place] for place in missed])
    for place, faces in zip(missed, again, strict=True):
        found[place] = faces
    return found


def _side(height: int, width: int) -> float:
    shorter, longer = sorted((height, width))
    return (height + width) / 2 if longer <= NEARLY_SQUARE * shorter else shorter


def _batches(pictures: Iterator[np.ndarray]) -> Iterator[list[np.ndarray]]:
    while batch := list(islice(pictures, BATCH)):
        yield batch
