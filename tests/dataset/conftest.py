"""Small folders of generated faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from unmask.sources.files_table import build_files_table
from unmask.sources.folder import list_folder


def write_pictures(root: Path, per_class: int, side: int = 64) -> Path:
    """Fills root/real and root/fake with JPEGs, each different, the same on every call."""
    for offset, name in enumerate(("real", "fake")):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            generator = np.random.default_rng(2 * number + offset)
            small = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            image = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
            image.save(root / name / f"{number:05d}.jpg", quality=90)
    return root


@pytest.fixture
def list_files():
    """Lists a folder as the download step does."""

    def call(root: Path) -> pd.DataFrame:
        return build_files_table(list_folder(root), dataset="test", jobs=2)

    return call


@pytest.fixture
def pictures():
    return write_pictures
