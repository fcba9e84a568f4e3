"""How fast pictures are hashed, and their near copies found, against comparing all pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from unmask.dataset.near_copies import find_near_copies, fingerprint_files
from unmask.dataset.near_copies.codes import draw_pictures
from unmask.dataset.near_copies.symmetries import SYMMETRIES, lay

COPIES = 0.02  # share of the pictures that are copies of another one
WAYS = len(SYMMETRIES)
COMPARED = 2048  # pictures that are compared with all others


def hashing_ways(folder: Path) -> dict[str, Callable[[], int]]:
    """Returns fingerprinting the JPEGs below `folder`, with one thread and with two."""
    paths = sorted(map(str, folder.glob("*/*.jpg")))
    return {
        f"{jobs} thread{'s' * (jobs > 1)}": lambda jobs=jobs: len(fingerprint_files(paths, jobs))
        for jobs in (1, 2)
    }


def search_ways(sizes: tuple[int, ...]) -> dict[str, Callable[[], int]]:
    """Returns the search for near copies among so many drawn fingerprints each."""
    tables = {size: draw_fingerprints(size) for size in sizes}

    def search_in(table: pd.DataFrame) -> Callable[[], int]:
        def search() -> int:
            find_near_copies(table)
            return len(table)

        return search

    return {f"{size:,} pictures": search_in(table) for size, table in tables.items()}


def all_pairs_way(size: int) -> Callable[[], int]:
    """Returns comparing the 64-bit hashes of all pairs, in all eight ways, with NumPy.

    No more than `COMPARED` pictures are compared with all: each takes the same time.
    """
    hashes = np.random.default_rng(0).integers(0, 2**63, (size, WAYS), dtype=np.uint64)

    def compare_all() -> int:
        found = 0
        compared = min(size, COMPARED)
        for start in range(0, compared, 256):
            rows = hashes[start : min(start + 256, compared), :1]
            for way in range(WAYS):
                far = np.bitwise_count(rows ^ hashes[:, way])
                found += int((far <= 10).sum())
        return compared

    return compare_all


def draw_fingerprints(size: int) -> pd.DataFrame:
    """Returns fingerprints of pictures that look alike as faces do, a few of them copies.

    Copies lie another way, are brighter or darker, and noisy as after another encoding.
    """
    generator = np.random.default_rng(size)
    copies = round(COPIES * size)
    common = draw_pictures(1, seed=1).astype(np.float32)
    own = draw_pictures(size - copies, seed=size).astype(np.float32)
    pictures = 128 + 0.6 * (common - 128) + 0.8 * (own - 128)
    again = [
        lay(pictures[place], generator.integers(WAYS)) * generator.uniform(0.85, 1.15)
        + generator.normal(0, 1, pictures.shape[1:])
        for place in generator.choice(size - copies, copies, replace=False)
    ]
    pictures = np.clip(np.concatenate([pictures, again]), 0, 255).astype(np.uint8)
    return pd.DataFrame({"thumbnail": [picture.tobytes() for picture in pictures]})


def growth(sizes: tuple[int, ...], per_picture: list[float]) -> float:
    """Returns the exponent with which the whole time grows: 1 is linear, 2 is all pairs."""
    slope = np.polyfit(np.log(sizes), np.log(per_picture), 1)[0]
    return float(1 + slope)
