"""Batches of pictures from the memory-mapped array, changed as training asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass

import cv2
import numpy as np
import tensorflow as tf

from ..errors import DataError
from .augmentation import DEFAULT, augment_batch
from .augmentation.crops import check_side, cut, trim
from .self_blended import self_blended_batch

# What follows the seed, the epoch and the place of a batch, so that no draws depend on others.
CROPS, FAKES, MIXUP = 1, 2, 3


def make_batches(
    pixels: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    seed: int = 0,
    augment: float = 0.0,
    names: Collection[str] = DEFAULT,
    crop: int = 0,
    mixup: float = 0.0,
    fakes: str = "given",
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
        seed: of the order and of all that is drawn.
        augment: strength of the augmentation, 0 (none) to 1.
        names: which augmentations, see `augmentation.MEANINGS`.
        crop: side in pixels of random crops, which the batches then hold; 0 for whole pictures.
            Being moved already, crops are not shifted.
        mixup: alpha of the beta distribution from which the shares of two mixed pictures are
            drawn (Zhang et al., 2017, arXiv:1710.09412), 0 for none. Labels become fractions,
            for which metrics such as `keras.metrics.AUC` are not made.
        fakes: "given"; or "self_blended": the fakes among `rows` are left out, and a batch holds
            half as many reals and then, in the same order, a fake made from each.
        shuffle: a new order each epoch; else the order of `rows`.
        first_epoch: the epoch to begin with, counted from 0.
        endless: later epochs follow (Keras then needs `steps_per_epoch`, see `count_steps`).

    Raises:
        UsageError: a crop larger than the pictures, or an unknown augmentation.
        DataError: no real picture to make fakes from.
    """
    rows, labels = np.asarray(rows, dtype=np.int64), np.asarray(labels, dtype=np.float32)
    steps = count_steps(labels, batch_size, fakes)
    if fakes == "self_blended":
        rows, labels = rows[labels == 0], labels[labels == 0]
        batch_size = max(1, batch_size // 2)
    if crop:
        check_side(crop, pixels.shape)
        names = tuple(name for name in names if name != "shift")
    recipe = _Recipe(pixels, rows, labels, seed, augment, tuple(names), crop, mixup, fakes)
    # An unknown name should stop here, not inside TensorFlow's threads.
    augment_batch(np.empty((0, 1, 1, 3), np.uint8), augment, np.random.default_rng(), names)

    @functools.lru_cache(maxsize=2)
    def order_of(epoch: int) -> np.ndarray:
        if not shuffle:
            return np.arange(len(rows))
        return np.random.default_rng([seed, epoch]).permutation(len(rows))

    def load(step: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, place = divmod(int(step), steps)
        return recipe.make(order_of(epoch)[place * batch_size :][:batch_size], epoch, place)

    sides = (crop, crop) if crop else pixels.shape[1:3]
    return _dataset(load, sides, first_epoch * steps, None if endless else steps)


def count_batches(count: int, batch_size: int) -> int:
    """Returns how many batches an epoch of `count` pictures has."""
    return -(-count // batch_size)


def count_steps(labels: np.ndarray, batch_size: int, fakes: str = "given") -> int:
    """Returns how many batches an epoch of `make_batches` has.

    Raises:
        DataError: no real picture to make fakes from.
    """
    if fakes != "self_blended":
        return count_batches(len(labels), batch_size)
    reals = int(np.sum(np.asarray(labels) == 0))
    if not reals:
        raise DataError(
            "There are no real faces to make self-blended fakes from.",
            expected="at least one face labelled real",
            fix="add real faces, or set fakes to given",
        )
    return count_batches(reals, max(1, batch_size // 2))


@dataclass(frozen=True)
class _Recipe:
    """What is done to the pictures of a batch. Fields are the arguments of `make_batches`."""

    pixels: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    seed: int
    augment: float
    names: tuple[str, ...]
    crop: int
    mixup: float
    fakes: str

    def make(self, chosen: np.ndarray, epoch: int, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the batch of the rows at `chosen`."""
        entropy = [self.seed, epoch, place]
        rows, labels = self.rows[chosen], self.labels[chosen, np.newaxis]
        parts = [(self.pixels, rows)]
        if self.fakes == "self_blended":
            # Whole faces, for the mask is that of a whole one; crops come after.
            whole = np.asarray(self.pixels[rows])
            pairs = self_blended_batch(whole, np.random.default_rng([*entropy, FAKES]))
            parts = [(pictures, np.arange(len(rows))) for pictures in pairs]
            labels = np.concatenate([labels, labels + 1])
        if self.crop:
            names = self.names if self.augment > 0 else ()
            # A real face and its fake are cut at the same place: the draws begin anew.
            draws = [np.random.default_rng([*entropy, CROPS]) for _ in parts]
            cuts = [
                cut(*part, self.crop, draw, names) for part, draw in zip(parts, draws, strict=True)
            ]
            parts, places = [part for part, _ in cuts], cuts[0][1]
        else:
            parts = [np.asarray(pictures[at]) for pictures, at in parts]
        pictures = np.concatenate(parts) if len(parts) > 1 else parts[0]
        if self.augment > 0:
            generator = np.random.default_rng(entropy)
            pictures = augment_batch(pictures, self.augment, generator, self.names)
        if self.crop:
            pictures = trim(pictures, np.resize(places, (len(pictures), 2)), self.crop)
        if self.mixup > 0:
            generator = np.random.default_rng([*entropy, MIXUP])
            pictures, labels = mix_up(pictures, labels, self.mixup, generator)
        return pictures, labels


def mix_up(
    pictures: np.ndarray, labels: np.ndarray, alpha: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each picture mixed with another one of the batch, and the labels mixed alike.

    Args:
        pictures: uint8 `[n, height, width, 3]`.
        labels: float `[n, 1]`.
        alpha: the share of the first picture is drawn from Beta(alpha, alpha), for each pair.
        generator: draws pairs and shares.

    Returns:
        uint8 pictures, rounded, and float32 labels, of the same shapes.
    """
    partners = generator.permutation(len(pictures))
    shares = generator.beta(alpha, alpha, (len(pictures), 1)).astype(np.float32)
    mixed = np.empty_like(pictures)
    for place, (partner, share) in enumerate(zip(partners, shares[:, 0].tolist(), strict=True)):
        cv2.addWeighted(pictures[place], share, pictures[partner], 1 - share, 0.0, dst=mixed[place])
    return mixed, (shares * labels + (1 - shares) * labels[partners]).astype(np.float32)


def _dataset(
    load: Callable[[int], tuple[np.ndarray, np.ndarray]],
    sides: tuple[int, int],
    first: int,
    count: int | None,
) -> tf.data.Dataset:
    def load_tensor(step):
        pictures, truth = tf.numpy_function(load, [step], (tf.uint8, tf.float32))
        pictures.set_shape((None, *sides, 3))
        truth.set_shape((None, 1))
        return pictures, truth

    counter = tf.data.Dataset.counter(start=first)
    counter = counter if count is None else counter.take(count)
    return counter.map(load_tensor, num_parallel_calls=tf.data.AUTOTUNE).prefetch(4)
