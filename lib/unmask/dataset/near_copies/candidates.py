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
MOST_OF_BUCKET = 64
MOST_OF_PICTURE = 96
CHUNK = 4096
# The surest bits stay; of the least sure ones these sets are turned over as well.
TURNED_OVER = ((), (0,), (1,), (0, 1), (2,), (0, 2))


@dataclass(frozen=True)
class Candidates:
    """Pairs to compare.

    Attributes:
        view: what of the pictures was looked at, a name in `codes.VIEWS`.
        first, second: int64 `[m]`, places of the pictures.
        crop: the middle part `CROPS[crop]` of `first` looked like `second`.
        skipped: comparisons left out because too many pictures had one code.
    """

    view: str
    first: np.ndarray
    second: np.ndarray
    crop: int
    skipped: int


def find_candidates(thumbnails: np.ndarray) -> Iterator[Candidates]:
    """Yields pairs with similar codes, in a number that grows with n, not with its square.

    Every code is cut into `TABLES` keys of about log2(n) bits; pictures that share a key are
    filtered by the rest of their codes (multi-index hashing, Norouzi et al. 2012, with the
    multi-probe queries of Lv et al. 2007). A picture may be in what is yielded more than once.

    Args:
        thumbnails: uint8 `[n, SIDE, SIDE]`, in an order that repeats exactly.
    """
    width = int(np.clip(np.ceil(np.log2(max(len(thumbnails), 2))) + 1, 8, 24))
    for view in VIEWS:
        features = invariants(thumbnails, view)
        coder = learn_coder(features, view, TABLES * width + LENGTH)
        stored = _pack_codes(coder, features, width)
        yield _search(view, coder, (features, stored), (features, stored), 0)
        for crop in range(1, len(CROPS)) if view == "whole" else ():
            asked = invariants(thumbnails, view, CROPS[crop])
            codes = _pack_codes(coder, asked, width)
            yield _search(view, coder, (features, stored), (asked, codes), crop)


def _search(
    view: str,
    coder: Coder,
    known: tuple[np.ndarray, np.ndarray],
    sought: tuple[np.ndarray, np.ndarray],
    crop: int,
) -> Candidates:
    """Looks up pictures as `sought` describes them (features and codes) among those `known`."""
    (features, stored), (asked, codes) = known, sought
    n = len(features)
    width = (coder.cut.size - LENGTH) // TABLES
    found, skipped = np.empty(0, np.int64), 0
    for table in range(TABLES):
        bits = slice(table * width, (table + 1) * width)
        index = _Index.of(coder.margins(features, bits), stored)
        parts = [found]
        for start in range(0, n, CHUNK):
            rows = slice(start, start + CHUNK)
            for one, other, more in index.partners(coder.margins(asked[rows], bits), codes[rows]):
                skipped += more
                one = one + start
                far = np.bitwise_count(codes[one] ^ stored[other])
                near = (far <= FARTHEST[view]) & (one != other)
                parts.append(_as_numbers(n, one[near], other[near], far[near], crop > 0))
        found = np.unique(np.concatenate(parts))
        pairs, far = np.divmod(found, LENGTH + 1)
        new = np.r_[True, pairs[1:] != pairs[:-1]][: len(pairs)]
        found, pairs, far = found[new], pairs[new], far[new]
        if len(found) > MOST_OF_PICTURE * n:
            kept = keep_nearest(*np.divmod(pairs, n), far, n, MOST_OF_PICTURE)
            skipped += int((~kept).sum())
            found = found[kept]
    return Candidates(view, *np.divmod(found // (LENGTH + 1), n), crop, skipped)


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
    n: int, one: np.ndarray, other: np.ndarray, far: np.ndarray, directed: bool
) -> np.ndarray:
    """Each candidate as one int64, so that equal ones are found by sorting."""
    if not directed:  # then it does not matter which of the two was asked for
        one, other = np.minimum(one, other), np.maximum(one, other)
    return np.unique((one.astype(np.int64) * n + other) * (LENGTH + 1) + far)


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
