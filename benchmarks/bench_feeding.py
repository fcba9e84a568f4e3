"""How fast pictures reach a training, from the second epoch on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import cv2
import keras
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from unmask.training.batches import make_batches

BATCH_SIZE = 32


def write_pictures(folder: Path, count: int, side: int = 256) -> None:
    """Writes JPEGs of quality 95 to <folder>/real and /fake: smooth shapes and camera noise."""
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        picture = np.clip(picture + generator.normal(0, 4, picture.shape), 0, 255)
        path = folder / ("fake" if number % 2 else "real") / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])


def write_array(folder: Path, side: int) -> Path:
    """Decodes the JPEGs once into a memory-mapped array, as notebook 02 leaves it."""
    paths = sorted(folder.glob("*/*.jpg"))
    target = folder / f"faces_{side}.npy"
    array = np.lib.format.open_memmap(
        target, mode="w+", dtype=np.uint8, shape=(len(paths), side, side, 3)
    )
    for row, path in enumerate(paths):
        picture = cv2.imread(str(path))
        array[row] = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)[..., ::-1]
    array.flush()
    return target


def ways(folder: Path, side: int, count: int) -> dict[str, Callable[[], int]]:
    """Returns the ways to go through all pictures once at `side` pixels."""
    pixels = np.load(write_array(folder, side), mmap_mode="r")
    labels = np.arange(count) % 2
    array = make_batches(
        pixels, np.arange(count), labels, batch_size=BATCH_SIZE, seed=1, shuffle=True
    )
    directory = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="binary",
        batch_size=BATCH_SIZE,
        image_size=(side, side),
        seed=1,
        verbose=False,
    )
    legacy = ImageDataGenerator().flow_from_directory(
        folder, (side, side), class_mode="binary", batch_size=BATCH_SIZE, seed=1
    )

    def drain(batches) -> int:
        return sum(len(pictures) for pictures, _ in batches)

    return {
        "memory-mapped array (Unmask)": lambda: drain(array),
        "image_dataset_from_directory": lambda: drain(directory),
        "ImageDataGenerator": lambda: drain(itertools.islice(legacy, len(legacy))),
    }
