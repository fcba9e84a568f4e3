"""Pictures with structure, and the ways in which copies of them come about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from unmask.dataset.near_copies import SYMMETRIES, find_near_copies, fingerprint_files
from unmask.dataset.near_copies.symmetries import lay


def draw_scene(seed: int, side: int = 224) -> np.ndarray:
    """Returns a picture of clouds and ellipses, uint8 [side, side, 3], the same for one seed."""
    generator = np.random.default_rng([seed, 7])
    picture = np.full((side, side, 3), 128.0)
    for cells, strength in ((3, 30), (7, 18), (20, 8), (60, 2)):
        coarse = generator.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    for _ in range(6):
        middle = generator.integers(0, side, 2).tolist()
        axes = generator.integers(side // 16, side // 4, 2).tolist()
        colour = generator.uniform(60, 195, 3).tolist()
        cv2.ellipse(picture, middle, axes, int(generator.integers(180)), 0, 360, colour, -1)
    return np.clip(picture, 35, 220).astype(np.uint8)


def encode(picture: np.ndarray, quality: int) -> bytes:
    """Returns a picture as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return cv2.imencode(".jpg", np.ascontiguousarray(picture), options)[1].tobytes()


def turned(picture: np.ndarray, way: int) -> np.ndarray:
    return np.moveaxis(lay(np.moveaxis(picture, -1, 0), way), 0, -1)


def resized(picture: np.ndarray, factor: float) -> np.ndarray:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(picture), None, fx=factor, fy=factor, interpolation=how)


def cropped(picture: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Cuts `share` of both sides off, at places drawn."""
    height, width = picture.shape[:2]
    down, across = round(height * share), round(width * share)
    top, left = generator.integers(0, down + 1), generator.integers(0, across + 1)
    return picture[top : top + height - down, left : left + width - across]


def shifted(picture: np.ndarray, gain: float, offset: float) -> np.ndarray:
    return np.clip(picture.astype(np.float32) * gain + offset, 0, 255).astype(np.uint8)


Copying = Callable[[np.ndarray, np.random.Generator], bytes]
# name: how the copy is stored, and how it lies
WAYS_TO_COPY: dict[str, tuple[Copying, int]] = {
    "JPEG 50": (lambda p, g: encode(p, 50), 0),
    "JPEG 70": (lambda p, g: encode(p, 70), 0),
    "JPEG 95": (lambda p, g: encode(p, 95), 0),
    "half the size": (lambda p, g: encode(resized(p, 0.5), 90), 0),
    "0.7 times the size": (lambda p, g: encode(resized(p, 0.7), 90), 0),
    "twice the size": (lambda p, g: encode(resized(p, 2), 90), 0),
    "mirrored": (lambda p, g: encode(turned(p, 4), 90), 4),
    "turned by 90": (lambda p, g: encode(turned(p, 1), 90), 1),
    "turned by 180": (lambda p, g: encode(turned(p, 2), 80), 2),
    "turned by 270": (lambda p, g: encode(turned(p, 3), 60), 3),
    "mirrored, turned, half the size, JPEG 50": (
        lambda p, g: encode(resized(turned(p, 5), 0.5), 50),
        5,
    ),
    "brighter": (lambda p, g: encode(shifted(p, 1, 25), 90), 0),
    "darker": (lambda p, g: encode(shifted(p, 1, -25), 90), 0),
    "paler": (lambda p, g: encode(shifted(p, 0.75, 30), 90), 0),
    "cropped by 5 %": (lambda p, g: encode(cropped(p, 0.05, g), 90), 0),
    "cropped by 5 %, mirrored": (lambda p, g: encode(cropped(turned(p, 4), 0.05, g), 80), 4),
}
CROPS = tuple(name for name in WAYS_TO_COPY if "cropped" in name)


def recall(originals: list[str], copy: str, folder: Path) -> tuple[float, pd.DataFrame]:
    """Copies every picture and searches for all.

    Returns:
        The share of copies found as "near", the right way round, and the pairs found that no
        copying explains.
    """
    how, way = WAYS_TO_COPY[copy]
    generator = np.random.default_rng(3)
    folder.mkdir(parents=True)
    copies = []
    for number, path in enumerate(originals):
        target = folder / f"{number:05d}.jpg"
        target.write_bytes(how(cv2.imread(path), generator))
        copies.append(str(target))
    pairs = find_near_copies(fingerprint_files([*originals, *copies], jobs=2), jobs=2)
    planted = pairs["second"] == pairs["first"] + len(originals)
    right = planted & (pairs["kind"] == "near") & (pairs["symmetry"] == SYMMETRIES[way])
    return right.sum() / len(originals), pairs[~planted]
