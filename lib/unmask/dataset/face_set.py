"""Faces as training and evaluation read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import runs
from ..errors import MissingStepError
from .splits import SPLITS


@dataclass(frozen=True)
class FaceSet:
    """The faces table and its array.

    Attributes:
        table: `faces.parquet`, a row a face, in the order of the array.
        pixels: uint8 `[N, size, size, 3]`, RGB, memory-mapped, read-only.

    Example:
        faces = FaceSet.load("runs/demo")
        train = faces.select("train")
        batch = faces.pixels[train["row"][:32]]
    """

    table: pd.DataFrame
    pixels: np.ndarray

    @classmethod
    def load(cls, run_folder: str | Path) -> FaceSet:
        """Opens what the step preprocess left in `run_folder`.

        Raises:
            MissingStepError: it left nothing, or was interrupted.
        """
        table = pd.read_parquet(runs.require(run_folder, "preprocess", "faces.parquet"))
        folder = runs.resolve(run_folder) / "preprocess"
        arrays = [np.load(path, mmap_mode="r") for path in sorted(folder.glob("faces_*.npy"))]
        if len(arrays) != 1 or len(arrays[0]) != len(table):
            raise MissingStepError(
                f"{folder} does not hold one array for the {len(table)} faces of its table.",
                expected="faces.parquet and faces_<size>.npy as notebook 02_preprocess writes them",
                fix="run notebooks/02_preprocess.ipynb again",
            )
        return cls(table, arrays[0])

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that hold faces, in the order train, val, test, unseen."""
        present = set(self.table["split"])
        return tuple(split for split in SPLITS if split in present)

    def select(self, split: str, *, reason: str = "") -> pd.DataFrame:
        """Returns the rows of one split, indexed from 0; `row` is their place in `pixels`.

        Args:
            split: "train", "val", "test" or "unseen".
            reason: why the test or unseen faces are read, in words: whoever chooses a model, an
                epoch or a threshold must not.

        Raises:
            ValueError: an unknown split, or test or unseen faces without a reason.
        """
        if split not in self.split_names:
            raise ValueError(f"no split {split!r}; there are {', '.join(self.split_names)}")
        if split in ("test", "unseen") and not reason:
            raise ValueError(f"say why: select({split!r}, reason='final scores')")
        return self.table[self.table["split"] == split].reset_index(drop=True)
