"""Picture features of many files, kept on disk so that nothing is measured twice."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import PIL

from .. import runs
from ..media import Rejected
from ..media.images import decode_image
from ..media.videos import read_frames
from .picture_features import FAMILY_COLUMNS, measure_picture

FRAMES = 4  # of a clip; its features are the means over them
BLOCK = 512  # files between two writes
VERSION = 1  # of the features; another one lets nothing on disk stand


@dataclass(frozen=True)
class Measured:
    """Features of n files.

    Attributes:
        readable: bool [n]; the others have rows of zeros.
        families: by family, float32 or float16 `[n, columns]`.
    """

    readable: np.ndarray
    families: dict[str, np.ndarray]

    def rows(self, places: np.ndarray) -> Measured:
        """Returns the features of the files at `places`."""
        parts = {name: values[places] for name, values in self.families.items()}
        return Measured(self.readable[places], parts)


def measure_files(files: pd.DataFrame, jobs: int, folder: Path | None = None) -> Measured:
    """Measures every file at native resolution; of a clip, the mean over four frames.

    Args:
        files: `path`, `kind`, `file_id`.
        jobs: files decoded at the same time; the result does not depend on it.
        folder: where blocks of features are kept, by the files they are of; None keeps nothing.
    """
    blocks = []
    edges = [*range(0, len(files), BLOCK), len(files)]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start, stop in pairwise(edges):
            part = files.iloc[start:stop]
            kept = None if folder is None else folder / f"{_key_of(part)}.npz"
            blocks.append(_load(kept) or _measure(part, pool, kept))
            runs.report_progress(stop / len(files), f"{stop} of {len(files)} pictures measured")
    return _joined(blocks)


def measure_faces(pixels: np.ndarray, rows: Iterable[int], jobs: int) -> dict[str, np.ndarray]:
    """Returns the features of the faces at `rows` of `pixels` (uint8 `[N, side, side, 3]`)."""
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        found = list(pool.map(lambda row: measure_picture(np.asarray(pixels[row])), rows))
    return {name: np.stack([each[name] for each in found]) for name in FAMILY_COLUMNS}


def measure_file(path: str, kind: str) -> dict[str, np.ndarray] | None:
    """Returns the features of one file, or None when it gives no pixels (or too few of them)."""
    try:
        if kind == "video":
            pictures = [pixels for _, pixels in read_frames(path, FRAMES)]
        else:
            pictures = [decode_image(Path(path).read_bytes()).pixels]
    except (Rejected, OSError):
        return None
    found = [measure_picture(pixels) for pixels in pictures]
    if any(each is None for each in found):
        return None
    return {name: np.mean([each[name] for each in found], axis=0) for name in found[0]}


def _measure(part: pd.DataFrame, pool: ThreadPoolExecutor, kept: Path | None) -> Measured:
    found = list(pool.map(measure_file, part["path"], part["kind"]))
    readable = np.array([each is not None for each in found])
    families = {}
    for name, columns in FAMILY_COLUMNS.items():
        # Square roots of shares are safe in half the bits, and they are most of the numbers.
        kind = np.float16 if name == "residuals" else np.float32
        families[name] = np.zeros((len(found), columns), kind)
        for place, each in enumerate(found):
            if each is not None:
                families[name][place] = each[name]
    if kept is not None:
        with runs.atomic_path(kept) as temporary:
            np.savez(temporary, readable=readable, **families)
    return Measured(readable, families)


def _load(path: Path | None) -> Measured | None:
    if path is None or not path.exists():
        return None
    with np.load(path) as arrays:
        return Measured(arrays["readable"], {name: arrays[name] for name in FAMILY_COLUMNS})


def _joined(blocks: list[Measured]) -> Measured:
    families = {
        name: np.concatenate([block.families[name] for block in blocks]) for name in FAMILY_COLUMNS
    }
    return Measured(np.concatenate([block.readable for block in blocks]), families)


def _key_of(part: pd.DataFrame) -> str:
    versions = [VERSION, cv2.__version__, PIL.__version__, np.__version__]
    return runs.sha256_of([part["file_id"].tolist(), part["kind"].tolist(), versions])[:32]
