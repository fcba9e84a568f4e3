"""MTCNN: three small networks, each looking closer at what the one before proposed.

Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks,
IEEE Signal Processing Letters 2016. Thresholds and steps as in the package `mtcnn`.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .boxes import keep_best
from .mtcnn_networks import Networks, load_networks
from .pictures import SmallerFirst
from .records import Face

CELL, STRIDE = 12, 2  # pixels that the first network sees of a face, and between two looks
PYRAMID = 0.709  # each level has half the area of the one before
PROPOSED, REFINED, PLACED = 0.6, 0.7, 0.8  # least P(face) after each network
# Beside a face found with P(face) 1, one with 0.91 was a map on the wall: faces so much less sure
# than the surest of the picture are left out.
LESS_SURE = 0.08
MOST_PROPOSALS = 1000  # of one level; a picture full of texture has more, and the best are enough
# In the small picture the smallest face is this part of the longer side, at full size this one.
SMALLEST_FIRST, SMALLEST_LATER = 1 / 16, 1 / 64
LEAST_FACE = 20  # pixels


class MtcnnFinder(SmallerFirst):
    """Finds faces with the weights of the package `mtcnn`, without TensorFlow."""

    name = "mtcnn"
    title = "MTCNN"

    def __init__(
        self,
        *,
        longer_side: int = 640,
        minimum_confidence: float | None = None,
        notices: tuple[str, ...] = (),
    ):
        super().__init__(longer_side)
        self.notices = notices
        self.minimum_confidence = PLACED if minimum_confidence is None else minimum_confidence
        self.networks = load_networks()

    def search(self, pixels: np.ndarray, again: bool) -> list[Face]:
        """See `SmallerFirst`."""
        part = SMALLEST_LATER if again else SMALLEST_FIRST
        smallest = max(LEAST_FACE, part * max(pixels.shape[:2]))
        faces = find_faces(self.networks, pixels, smallest, self.minimum_confidence)
        surest = max((face.confidence for face in faces), default=0.0)
        return [face for face in faces if face.confidence > surest - LESS_SURE]


def find_faces(
    networks: Networks, pixels: np.ndarray, smallest: float, minimum_confidence: float = PLACED
) -> list[Face]:
    """Finds the faces of one picture, in one pass.

    Args:
        networks: from `load_networks`.
        pixels: uint8 `[height, width, 3]`, RGB.
        smallest: side of the smallest face, pixels.
        minimum_confidence: least P(face) after the last network.
    """
    boxes = _square(_propose(networks, pixels, smallest))
    if len(boxes):
        offsets, chances = networks.refine(_patches(pixels, boxes, 24))
        boxes, chances, _ = _moved(boxes, offsets, chances, REFINED)
        boxes = _square(boxes[keep_best(boxes, chances, 0.7)])
    if not len(boxes):
        return []
    offsets, points, chances = networks.place(_patches(pixels, boxes, 48))
    sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
    landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides + boxes[:, None, :2] - 1
    boxes, chances, kept = _moved(boxes, offsets, chances, minimum_confidence)
    landmarks = landmarks[kept]
    return [
        Face(
            tuple(float(value) for value in (*box[:2], *(box[2:] - box[:2]))),
            landmarks[place].astype(np.float64),
            float(chances[place]),
        )
        for place in keep_best(boxes, chances, 0.7, of_smaller=True)
        for box in (boxes[place],)
    ]


def _propose(networks: Networks, pixels: np.ndarray, smallest: float) -> np.ndarray:
    """Boxes (corners) of all that might be a face: float64 `[n, 4]`."""
    boxes, chances = [np.zeros((0, 4))], [np.zeros(0)]
    for scale in _scales(pixels.shape, smallest):
        height, width = (int(side * scale) for side in pixels.shape[:2])
        level = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        offsets, chance = networks.propose(_as_input(level[None]))
        found, worth = _read_map(offsets[0], chance[0])
        kept = keep_best(found, worth, 0.5)
        boxes.append(found[kept] / scale)
        chances.append(worth[kept])
    found, worth = np.concatenate(boxes), np.concatenate(chances)
    return found[keep_best(found, worth, 0.7)]


def _scales(shape: tuple[int, ...], smallest: float) -> Iterator[float]:
    scale = CELL / smallest
    while min(shape[:2]) * scale >= CELL:
        yield scale
        scale *= PYRAMID


def _read_map(offsets: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of one level's cells that may be faces, the likeliest `MOST_PROPOSALS`."""
    rows, columns = np.nonzero(chances > PROPOSED)
    worth = chances[rows, columns].astype(np.float64)
    if len(worth) > MOST_PROPOSALS:
        best = np.argpartition(-worth, MOST_PROPOSALS)[:MOST_PROPOSALS]
        rows, columns, worth = rows[best], columns[best], worth[best]
    corner = np.stack([columns, rows], axis=1) * STRIDE
    cells = np.concatenate([corner, corner + CELL], axis=1).astype(np.float64)
    return cells + offsets[:, rows, columns].T * CELL, worth


def _moved(
    boxes: np.ndarray, offsets: np.ndarray, chances: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes moved by what a network says, of those that are likely enough, and which those are."""
    sides = np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)
    kept = chances > least
    return (boxes + offsets * sides)[kept], chances[kept].astype(np.float64), kept


def _square(boxes: np.ndarray) -> np.ndarray:
    sides = boxes[:, 2:] - boxes[:, :2]
    center = boxes[:, :2] + sides / 2
    half = sides.max(axis=1, initial=0, keepdims=True) / 2
    return np.concatenate([center - half, center + half], axis=1)


def _patches(pixels: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """The squares in the picture, resampled: float32 `[n, 3, side, side]`; grey beyond the border.

    Sampled from corner to corner without averaging, as the networks were trained.
    """
    height, width = pixels.shape[:2]
    patches = np.empty((len(boxes), side, side, 3), np.uint8)
    shrink = np.array([(width - 1) / width, (height - 1) / height])
    for place, box in enumerate(boxes):
        corner = box[:2] * shrink
        step = (box[2:] - box[:2]) * shrink / (side - 1)
        matrix = np.array([[step[0], 0, corner[0]], [0, step[1], corner[1]]])
        cv2.warpAffine(
            pixels,
            matrix,
            (side, side),
            dst=patches[place],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(127.5, 127.5, 127.5),
        )
    return _as_input(patches)


def _as_input(pictures: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(
        ((pictures.astype(np.float32) - 127.5) / 128).transpose(0, 3, 1, 2), np.float32
    )
