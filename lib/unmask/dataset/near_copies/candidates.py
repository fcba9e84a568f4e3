"""Pairs of pictures worth comparing, found by equal pieces of their codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .codes import VIEWS, Coder, invariants, learn_coder, pack

TABLES = 6
LENGTH = 64  # bits of the code that filters what the tables bring
FARTHEST = {"whole": 16, "rim": 14}  # different bits of it
CROPS = (1.0, 0.95, 0.9)  # the middle part of a picture that is searched for as well
MOST_OF_BUCKET = 128
MOST_OF_PICTURE = 96
CHUNK = 4096
# The surest bits stay; of the least sure ones these sets are turned over as well.
TURNED_OVER = ((), (0,), (1,), (0, 1), (2,), (0, 2))


@dataclass(frozen=True)
class Candidates:
    """Pairs to compare.

    Attributes:
        first, second: int64 `[m]`, places of the pictures.
        crop: int8 `[m]`: the middle part `CROPS[crop]` of `first` looked like `second`.
        skipped: comparisons left out because too many pictures had one code.
    """

    first: np.ndarray
    second: np.ndarray
    crop: np.ndarray
    skipped: int


def find_candidates(thumbnails: np.ndarray) -> Candidates:
    """Returns pairs with similar codes, in a number that grows with n, not with its square.

    Every code is cut into `TABLES` keys of about log2(n) bits; pictures that share a key are
    filtered by the rest of their codes (multi-index hashing, Norouzi et al. 2012, with the
    multi-probe queries of Lv et al. 2007). A picture keeps its `MOST_OF_PICTURE` nearest.

    Args:
        thumbnails: uint8 `[n, SIDE, SIDE]`, in an order that repeats exactly.
    """
    n = len(thumbnails)
    width = int(np.clip(np.ceil(np.log2(max(n, 2))) + 1, 8, 24))
    found, skipped = [np.empty(0, np.int64)], 0
    for view in VIEWS:
        features = invariants(thumbnails, view)
        coder = learn_coder(features, view, TABLES * width + LENGTH)
        stored = _pack_codes(coder, features, width)
        for crop, part in enumerate(CROPS if view == "whole" else CROPS[:1]):
            asked = features if crop == 0 else invariants(thumbnails, view, part)
            codes = stored if crop == 0 else _pack_codes(coder, asked, width)
            for table in range(TABLES):
                bits = slice(table * width, (table + 1) * width)
                index = _Index.of(coder.margins(features, bits), stored)
                for start in range(0, n, CHUNK):
                    rows = slice(start, start + CHUNK)
                    margins = coder.margins(asked[rows], bits)
                    for one, other, more in index.partners(margins, codes[rows]):
                        skipped += more
                        one = one + start
                        far = np.bitwise_count(codes[one] ^ stored[other])
                        near = (far <= FARTHEST[view]) & (one != other)
                        found.append(_as_numbers(n, one[near], other[near], crop, far[near]))
    return _nearest(np.concatenate(found), n, skipped)


def _pack_codes(coder: Coder, features: np.ndarray, width: int) -> np.ndarray:
    bits = slice(TABLES * width, TABLES * width + LENGTH)
    parts = [
        pack(coder.margins(features[start : start + CHUNK], bits) > 0)
        for start in range(0, len(features), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)


@dataclass(frozen=True)
class _Index:
    """One table: pictures sorted by their key and, within it, by the first bits of their code."""

    keys: np.ndarray
    order: np.ndarray
    width: int

    @classmethod
    def of(cls, margins: np.ndarray, codes: np.ndarray) -> _Index:
        width = margins.shape[1]
        keys = _joined(pack(margins > 0), codes, width)
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], order, width)

    def partners(
        self, margins: np.ndarray, codes: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
        """Yields rows, the pictures that share a key with them, and how many were skipped."""
        own = pack(margins > 0)
        unsure = np.argsort(np.abs(margins), axis=1, kind="stable")[:, :3].astype(np.uint64)
        flips = np.uint64(1) << (np.uint64(self.width - 1) - unsure)
        for turned in TURNED_OVER:
            keys = own.copy()
            for place in turned:
                keys ^= flips[:, place]
            rest = np.uint64(64 - self.width)
            low = np.searchsorted(self.keys, keys << rest, "left")
            high = np.searchsorted(
                self.keys, (keys << rest) | ((np.uint64(1) << rest) - np.uint64(1)), "right"
            )
            total = int((high - low).sum())
            crowded = np.flatnonzero(high - low > MOST_OF_BUCKET)
            if len(crowded):
                own_place = np.searchsorted(
                    self.keys, _joined(keys[crowded], codes[crowded], self.width)
                )
                start = np.clip(
                    own_place - MOST_OF_BUCKET // 2, low[crowded], high[crowded] - MOST_OF_BUCKET
                )
                low[crowded], high[crowded] = start, start + MOST_OF_BUCKET
            counts = high - low
            one = np.repeat(np.arange(len(keys)), counts)
            inside = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            yield one, self.order[np.repeat(low, counts) + inside], total - int(counts.sum())


def _joined(keys: np.ndarray, codes: np.ndarray, width: int) -> np.ndarray:
    return (keys << np.uint64(64 - width)) | (codes >> np.uint64(width))


def _as_numbers(
    n: int, one: np.ndarray, other: np.ndarray, crop: int, far: np.ndarray
) -> np.ndarray:
    """Each candidate as one int64, so that equal ones are found by sorting."""
    if crop == 0:  # then it does not matter which of the two was asked for
        one, other = np.minimum(one, other), np.maximum(one, other)
    pairs = (one.astype(np.int64) * n + other) * len(CROPS) + crop
    return np.unique(pairs * (LENGTH + 1) + far)


def _nearest(numbers: np.ndarray, n: int, skipped: int) -> Candidates:
    """Each pair once, and of a picture's pairs the nearest ones."""
    numbers = np.unique(numbers)
    pairs, far = np.divmod(numbers, LENGTH + 1)
    new = np.r_[True, pairs[1:] != pairs[:-1]][: len(pairs)]
    pairs, far = pairs[new], far[new]
    pairs, crop = np.divmod(pairs, len(CROPS))
    one, other = np.divmod(pairs, n)
    kept = keep_nearest(one, other, far, n, MOST_OF_PICTURE)
    skipped += int((~kept).sum())
    return Candidates(one[kept], other[kept], crop[kept].astype(np.int8), skipped)


def keep_nearest(
    one: np.ndarray, other: np.ndarray, far: np.ndarray, n: int, most: int
) -> np.ndarray:
    """Says which pairs are among the `most` nearest of either of their pictures: bool `[m]`."""
    kept = np.zeros(len(one), bool)
    for column in (one, other):
        order = np.lexsort((far, column))
        sizes = np.bincount(column, minlength=n)
        rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept[order] |= rank < most
    return kept
