"""A first, cheap look at pairs: which of the eight ways fits best, and does it fit at all?"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from .codes import FLAT, VIEWS, in_chunks
from .fingerprints import SIDE
from .symmetries import SYMMETRIES

FREQUENCIES = 8
LEAST_ALIKE = 0.75
CHUNK = 4096
_BASIS = dct(np.eye(SIDE), axis=0, norm="ortho")[:FREQUENCIES].astype(np.float32)
_places = np.arange(FREQUENCIES, dtype=np.float32)
# Fine parts weigh as much as coarse ones, which all faces share.
_WEIGHTS = np.hypot(_places[:, None], _places)
_SIGNS = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float32)


def look_roughly(
    of_first: np.ndarray, of_second: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Correlates the low frequencies of each pair in all eight ways.

    Args:
        of_first, of_second: waves (`waves_of`) of all pictures, as the one and as the other.
        first, second: int64 `[m]`, the pairs, as places of pictures.

    Returns:
        For each pair the correlation of the best way, float32 `[m]`, and that way: `second` is
        `first` laid as `SYMMETRIES[way]`, int8 `[m]`.
    """
    best = np.full(len(first), -1, np.float32)
    ways = np.zeros(len(first), np.int8)
    for start in range(0, len(best), CHUNK):
        rows = slice(start, start + CHUNK)
        one, other = of_first[first[rows]], of_second[second[rows]]
        for way in range(len(SYMMETRIES)):
            alike = np.einsum("nij,nij->n", lay_waves(one, way), other)
            better = alike > best[rows]
            best[rows][better] = alike[better]
            ways[rows][better] = way
    return best, ways


def waves_of(thumbnails: np.ndarray, view: str = "whole", part: float = 1.0) -> np.ndarray:
    """Returns weighted low frequencies, of length 1: float32 `[n, FREQUENCIES, FREQUENCIES]`.

    Args:
        thumbnails: uint8 `[n, SIDE, SIDE]`.
        view: what of them is looked at, a name in `codes.VIEWS`.
        part: of the sides that counts, in the middle; 1 for all.
    """
    parts = [np.empty((0, FREQUENCIES, FREQUENCIES), np.float32)]
    weights = VIEWS[view]
    for chunk in in_chunks(thumbnails, part):
        means = (chunk * weights).sum((1, 2), keepdims=True) / weights.sum()
        waves = _BASIS @ ((chunk - means) * weights) @ _BASIS.T * _WEIGHTS
        lengths = np.sqrt((waves**2).sum((1, 2), keepdims=True))
        parts.append(waves / (lengths + FLAT))
    return np.concatenate(parts)


def lay_waves(waves: np.ndarray, symmetry: int) -> np.ndarray:
    """Does to cosine waves what `symmetries.lay` does to pictures."""
    if symmetry >= 4:
        waves = waves * _SIGNS
    for _ in range(symmetry % 4):
        waves = waves.swapaxes(-1, -2) * _SIGNS[:, None]
    return waves
