"""Picture features of many files, kept on disk so that nothing is measured twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
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
# Of the features and of what decodes: another one lets nothing on disk stand.
VERSIONS = f"1-{cv2.__version__}-{PIL.__version__}-{np.__version__}"


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


class FeatureStore:
    """Features of files, measured once and kept in blocks on disk, whoever asks for them.

    Args:
        folder: where they are kept: `index.parquet` says in which block and row a file is. None
            keeps nothing.
        jobs: files decoded at the same time; the result does not depend on it.
    """

    def __init__(self, folder: Path | None, jobs: int):
        self.folder, self.jobs = folder, max(1, jobs)
        self._places: dict[str, tuple[str, int]] = {}
        index = None if folder is None else folder / "index.parquet"
        if index is not None and index.exists():
            table = pd.read_parquet(index)
            rows = zip(table["block"], table["row"], strict=True)
            self._places = dict(zip(table["file_id"], rows, strict=True))
        self._load = lru_cache(maxsize=8)(self._read)

    def measure(self, files: pd.DataFrame) -> Measured:
        """Returns the features of every file at native resolution.

        Of a clip they are the mean over four frames.

        Args:
            files: `path`, `kind`, `file_id`.
        """
        blocks = list(self.blocks(files))
        if not blocks:
            none = {name: np.zeros((0, size), np.float32) for name, size in FAMILY_COLUMNS.items()}
            return Measured(np.zeros(0, bool), none)
        return join(blocks)

    def blocks(self, files: pd.DataFrame) -> Iterator[Measured]:
        """Yields what `measure` returns in parts of `BLOCK` files: memory holds one of them."""
        with ThreadPoolExecutor(self.jobs) as pool:
            for start in range(0, len(files), BLOCK):
                part = files.iloc[start : start + BLOCK]
                yield self._of(part, pool)
                done = start + len(part)
                runs.report_progress(done / len(files), f"{done} of {len(files)} files measured")

    def _of(self, part: pd.DataFrame, pool: ThreadPoolExecutor) -> Measured:
        if self.folder is None:
            return _measure(part, pool)
        keys = [f"{each}/{VERSIONS}" for each in part["file_id"]]
        new = part[[key not in self._places for key in keys]].drop_duplicates("file_id")
        if len(new):
            self._keep(new, _measure(new, pool))
        places = [self._places[key] for key in keys]
        found = [self._load(name).rows(np.array([row])) for name, row in places]
        return join(found)

    def _keep(self, files: pd.DataFrame, measured: Measured) -> None:
        name = runs.sha256_of([*files["file_id"], VERSIONS])[:32]
        with runs.atomic_path(self.folder / f"{name}.npz") as temporary:
            np.savez(temporary, readable=measured.readable, **measured.families)
        for row, file_id in enumerate(files["file_id"]):
            self._places[f"{file_id}/{VERSIONS}"] = (name, row)
        blocks, rows = zip(*self._places.values(), strict=True)
        index = pd.DataFrame({"file_id": list(self._places), "block": blocks, "row": rows})
        runs.write_table(self.folder / "index.parquet", index)

    def _read(self, name: str) -> Measured:
        with np.load(self.folder / f"{name}.npz") as arrays:
            return Measured(arrays["readable"], {each: arrays[each] for each in FAMILY_COLUMNS})


def join(parts: Sequence[Measured]) -> Measured:
    """Returns the features of all `parts` as one."""
    families = {
        name: np.concatenate([part.families[name] for part in parts]) for name in FAMILY_COLUMNS
    }
    return Measured(np.concatenate([part.readable for part in parts]), families)


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


def _measure(part: pd.DataFrame, pool: ThreadPoolExecutor) -> Measured:
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
    return Measured(readable, families)
