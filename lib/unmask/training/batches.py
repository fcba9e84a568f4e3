"""Batches of pictures from the memory-mapped array, and cheap augmentation."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import tensorflow as tf


def make_batches(
    pixels: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    seed: int = 0,
    augment: float = 0.0,
    shuffle: bool = False,
    first_epoch: int = 0,
    endless: bool = False,
) -> tf.data.Dataset:
    """Returns batches `(uint8 [b, side, side, 3], float32 [b, 1])` of one epoch, or of all to come.

    What a batch holds follows from the seed, the epoch and its place alone, so that a training
    resumed at epoch k sees what it would have seen. The last batch of an epoch may be smaller.

    Args:
        pixels: uint8 `[N, side, side, 3]`, usually a memory map.
        rows: int `[n]`, places in `pixels`.
        labels: `[n]`, 1 fake, 0 real, aligned with `rows`.
        batch_size: pictures a batch.
        seed: of the order and the augmentation.
        augment: strength of the augmentation, 0 (none) to 1.
        shuffle: a new order each epoch; else the order of `rows`.
        first_epoch: the epoch to begin with, counted from 0.
        endless: later epochs follow (Keras then needs `steps_per_epoch`).
    """
    rows = np.asarray(rows, dtype=np.int64)
    labels = np.asarray(labels, dtype=np.float32)
    steps = count_batches(len(rows), batch_size)

    @functools.lru_cache(maxsize=2)
    def order_of(epoch: int) -> np.ndarray:
        if not shuffle:
            return np.arange(len(rows))
        return np.random.default_rng([seed, epoch]).permutation(len(rows))

    def load(step: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, place = divmod(int(step), steps)
        chosen = order_of(epoch)[place * batch_size : (place + 1) * batch_size]
        pictures = np.asarray(pixels[rows[chosen]])
        if augment > 0:
            generator = np.random.default_rng([seed, epoch, place])
            pictures = augment_batch(pictures, augment, generator)
        return pictures, labels[chosen, np.newaxis]

    def load_tensor(step):
        pictures, truth = tf.numpy_function(load, [step], (tf.uint8, tf.float32))
        pictures.set_shape((None, *pixels.shape[1:]))
        truth.set_shape((None, 1))
        return pictures, truth

    counter = tf.data.Dataset.counter(start=first_epoch * steps)
    counter = counter if endless else counter.take(steps)
    return counter.map(load_tensor, num_parallel_calls=tf.data.AUTOTUNE).prefetch(4)


def count_batches(count: int, batch_size: int) -> int:
    """Returns how many batches an epoch of `count` pictures has."""
    return -(-count // batch_size)


def augment_batch(
    pictures: np.ndarray, strength: float, generator: np.random.Generator
) -> np.ndarray:
    """Returns changed copies of uint8 pictures `[b, height, width, 3]`, same shape and type.

    Half of them mirrored; each shifted by up to an eighth of its side (the border reflected);
    brightness and contrast changed by up to 20%; half re-encoded as JPEG of quality 60 or more:
    all times `strength`, 0 to 1. Nothing here costs more than a decode of the picture.
    """
    changed = np.empty_like(pictures)
    for place, picture in enumerate(pictures):
        changed[place] = _augment(picture, strength, generator)
    return changed


def _augment(picture: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    # Always the same number of draws, so that one picture never changes what the next one gets.
    mirror, encode, quality = generator.random(3)
    down, right, contrast, brightness = generator.uniform(-1, 1, 4)
    if mirror < 0.5:
        picture = picture[:, ::-1]
    height, width = picture.shape[:2]
    picture = _shift(
        picture, round(down * strength * height / 8), round(right * strength * width / 8)
    )
    levels = np.arange(256) - 127.5
    levels = levels * (1 + 0.2 * strength * contrast) + 127.5 + 51 * strength * brightness
    picture = cv2.LUT(np.ascontiguousarray(picture), np.clip(levels, 0, 255).astype(np.uint8))
    if encode < 0.5 * strength:
        options = [cv2.IMWRITE_JPEG_QUALITY, round(95 - 35 * quality * strength)]
        # The channels are RGB where OpenCV thinks BGR; both ways turn them alike.
        picture = cv2.imdecode(cv2.imencode(".jpg", picture[..., ::-1], options)[1], 1)[..., ::-1]
    return picture


def _shift(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    if not (down or right):
        return picture
    height, width = picture.shape[:2]
    far_down, far_right = abs(down), abs(right)
    padded = cv2.copyMakeBorder(
        picture, far_down, far_down, far_right, far_right, cv2.BORDER_REFLECT_101
    )
    top, left = far_down - down, far_right - right
    return padded[top : top + height, left : left + width]
