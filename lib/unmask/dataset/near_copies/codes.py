"""Short codes that stay the same when a picture is re-encoded, resized, mirrored or turned.

The lowest frequencies of the cosine transform change only their signs and places under the eight
symmetries, so the sizes of their pairs do not change at all: one code serves all eight ways a
picture can lie. The sizes are decorrelated and cut at their medians, over the pictures searched,
so that also faces, which all look alike at this size, spread evenly over the codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.fft import dct

from .fingerprints import SIDE

FREQUENCIES = 6
COMPONENTS = 20
CHUNK = 1024
# Statistics are taken from this many different pictures; where there are fewer, drawn ones help.
MOST_SAMPLES, FEWEST_SAMPLES = 1024, 512
TOO_CLOSE = 0.35  # of the median distance: such pictures count once in the statistics
FLAT = 2.0  # a contrast, in grey levels, below which there is nothing to compare

_distance = np.abs(np.arange(SIDE) - (SIDE - 1) / 2)
_rim = (np.maximum(_distance[:, None], _distance) >= 0.28 * SIDE).astype(np.float32)
# The whole picture; and its rim alone, which a forged face in the middle leaves as it was.
VIEWS = {"whole": np.ones((SIDE, SIDE), np.float32), "rim": _rim}
_BASIS = dct(np.eye(SIDE), axis=0, norm="ortho")[:FREQUENCIES].astype(np.float32)


def invariants(thumbnails: np.ndarray, view: str, part: float = 1.0) -> np.ndarray:
    """Returns what the eight symmetries, brightness and contrast leave unchanged.

    Args:
        thumbnails: uint8 `[n, SIDE, SIDE]`.
        view: a name in `VIEWS`.
        part: of the sides that counts, in the middle; 1 for all.

    Returns:
        float32 `[n, 35]`.
    """
    parts = [_invariants(chunk, VIEWS[view]) for chunk in in_chunks(thumbnails, part)]
    return np.concatenate(parts) if parts else np.empty((0, FREQUENCIES**2 - 1), np.float32)


def in_chunks(thumbnails: np.ndarray, part: float) -> Iterator[np.ndarray]:
    """Yields the middle `part` of thumbnails, enlarged again: float32 `[<= CHUNK, SIDE, SIDE]`."""
    places = (np.arange(SIDE) - (SIDE - 1) / 2) * part + (SIDE - 1) / 2
    low = np.floor(places).astype(int)
    weights = np.zeros((SIDE, SIDE), np.float32)
    weights[np.arange(SIDE), low] = 1 - (places - low)
    weights[np.arange(SIDE), np.minimum(low + 1, SIDE - 1)] += places - low
    for start in range(0, len(thumbnails), CHUNK):
        chunk = thumbnails[start : start + CHUNK].astype(np.float32)
        yield weights @ chunk @ weights.T if part < 1 else chunk


def _invariants(pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    weights = weights / weights.sum()
    pictures = pictures - (pictures * weights).sum((1, 2), keepdims=True)
    contrast = np.sqrt((pictures**2 * weights).sum((1, 2), keepdims=True))
    pictures = pictures * (weights > 0) / (contrast + FLAT)
    waves = _BASIS @ pictures @ _BASIS.T
    rows, columns = np.triu_indices(FREQUENCIES, 1)
    one, other = waves[:, rows, columns], waves[:, columns, rows]
    corners = np.abs(np.stack([waves[:, k, k] for k in range(1, FREQUENCIES)], 1))
    return np.concatenate([np.hypot(one, other), np.abs(np.abs(one) - np.abs(other)), corners], 1)


@dataclass(frozen=True)
class Coder:
    """Turns invariants into bits: bit k is the sign of `(x - mean) @ projection - cut`.

    Attributes:
        mean: float32 `[35]`.
        projection: float32 `[35, bits]`, decorrelating, then in seeded directions.
        cut: float32 `[bits]`, medians.
    """

    mean: np.ndarray
    projection: np.ndarray
    cut: np.ndarray

    def margins(self, features: np.ndarray, bits: slice) -> np.ndarray:
        """Returns how far each bit is from changing, with its sign: float32 `[n, bits]`."""
        return (features - self.mean) @ self.projection[:, bits] - self.cut[bits]


def learn_coder(features: np.ndarray, view: str, bits: int) -> Coder:
    """Fits a coder to the pictures to search; `features` in an order that repeats exactly."""
    step = max(1, -(-len(features) // MOST_SAMPLES))
    samples = _different_ones(features[::step]).astype(np.float64)
    if len(samples) < FEWEST_SAMPLES:
        drawn = invariants(draw_pictures(FEWEST_SAMPLES - len(samples), seed=0), view)
        samples = np.concatenate([samples, drawn.astype(np.float64)])
    mean = samples.mean(0)
    sizes, axes = np.linalg.eigh(np.cov((samples - mean).T))
    axes = axes[:, ::-1][:, :COMPONENTS] / np.sqrt(sizes[::-1][:COMPONENTS] + 1e-12)
    directions = np.random.default_rng(0).normal(size=(COMPONENTS, bits))
    projection = axes @ directions
    cut = np.median((samples - mean) @ projection, axis=0)
    return Coder(*(part.astype(np.float32) for part in (mean, projection, cut)))


def _different_ones(features: np.ndarray) -> np.ndarray:
    """Leaves out what lies close to an earlier row: a thousand copies must not move the cuts."""
    if len(features) < 2:
        return features
    squares = (features**2).sum(1)
    distances = squares[:, None] + squares - 2 * features @ features.T
    close = distances < TOO_CLOSE**2 * np.median(distances[np.triu_indices(len(features), 1)])
    return features[~np.triu(close, 1).any(0)]


def draw_pictures(count: int, seed: int) -> np.ndarray:
    """Returns random pictures whose contrast falls with the frequency as in photographs.

    Returns:
        uint8 `[count, SIDE, SIDE]`.
    """
    generator = np.random.default_rng(seed)
    frequency = np.arange(SIDE)
    falling = 1 / (1 + np.hypot(frequency[:, None], frequency)) ** 1.5
    basis = dct(np.eye(SIDE), axis=0, norm="ortho")
    waves = generator.standard_normal((count, SIDE, SIDE)).astype(np.float32) * falling
    pictures = basis.T.astype(np.float32) @ waves.astype(np.float32) @ basis.astype(np.float32)
    pictures *= 45 / np.maximum(pictures.std((1, 2), keepdims=True), 1e-9)
    pictures += 128 - pictures.mean((1, 2), keepdims=True)
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def pack(bits: np.ndarray) -> np.ndarray:
    """Returns each row of up to 64 bits as one uint64, the first bit highest."""
    powers = np.uint64(1) << np.arange(bits.shape[1] - 1, -1, -1, dtype=np.uint64)
    return (bits * powers).sum(1, dtype=np.uint64)
