"""An easy task and a tiny network for the tests of training."""

import keras
import numpy as np
from unmask import detectors
from unmask.training.settings import TrainingData, TrainingSettings

SIDE = 12
SETTINGS = TrainingSettings(epochs=4, batch_size=16, learning_rate=3e-3, precision="float32")


class Stop(Exception):
    """Stands for whatever ends a process in the middle of a training."""


def planted_data(count: int = 240, identity: str = "", shade: int = 0) -> TrainingData:
    """Noise whose fakes carry a fine checkerboard at a random place, too weak for the mean.

    `shade` darkens the fakes, for what has to be learnt in an epoch.
    """
    generator = np.random.default_rng(4)
    pixels = generator.integers(60, 190, (count, SIDE, SIDE, 3))
    labels = np.arange(count) % 2
    board = 30 * (-1) ** np.add.outer(np.arange(6), np.arange(6))[..., None]
    for number in np.flatnonzero(labels):
        top, left = generator.integers(0, SIDE - 6, 2)
        pixels[number, top : top + 6, left : left + 6] += board
        pixels[number] -= shade
    rows = generator.permutation(count)
    learnt, held = rows[: count * 2 // 3], rows[count * 2 // 3 :]
    return TrainingData(
        pixels.astype(np.uint8), learnt, labels[learnt], held, labels[held], identity
    )


def small_network(seed: int = 1) -> keras.Model:
    """Returns one block of eight filters and a global average."""
    keras.utils.set_random_seed(seed)
    return detectors.build_from_choices(
        (SIDE, SIDE, 3), blocks=(8,), dropout=0.0, head="average", name="small"
    )


def quiet(fraction: float, message: str) -> None:
    """Takes progress and does nothing."""


def stop_at(limit: float):
    """Returns a progress function that ends the training once `limit` of it is done."""

    def progress(fraction: float, message: str) -> None:
        if fraction >= limit:
            raise Stop

    return progress
