"""Scores of a network for many pictures, and how long it takes for one."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from .fast import accelerate
from .memory import with_smaller_batches

Scorer = Callable[[np.ndarray], np.ndarray]


def compile_scorer(model: keras.Model, precision: str = "float32") -> Scorer:
    """Returns a fast function from uint8 `[n, side, side, 3]` to float64 P(fake) `[n]`.

    It computes in float32, as the saved file does, unless another `precision` (a Keras dtype
    policy) is asked for; `Model.predict` costs tens of milliseconds a call on top of the network.
    """
    fast = accelerate(model, precision)
    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)

    @tf.function(input_signature=[signature], autograph=False)
    def forward(pictures):
        return fast(pictures, training=False)

    return lambda pictures: forward(pictures).numpy()[:, 0].astype(np.float64)


def predict(
    model: keras.Model,
    pixels: np.ndarray,
    rows: np.ndarray,
    batch_size: int = 64,
    score: Scorer | None = None,
) -> np.ndarray:
    """Returns float64 P(fake) `[n]` of the pictures at `rows` of `pixels`, in that order.

    Args:
        model: a network with its preprocessing inside.
        pixels: uint8 `[N, side, side, 3]`, usually a memory map.
        rows: int `[n]`.
        batch_size: pictures scored at a time; fewer where memory does not suffice.
        score: the model compiled already.

    Raises:
        DataError: memory does not suffice for one picture.
    """
    score = score or compile_scorer(model)
    rows = np.asarray(rows, dtype=np.int64)

    def run(size: int) -> list[np.ndarray]:
        starts = range(0, len(rows), size)
        return [score(np.asarray(pixels[rows[start : start + size]])) for start in starts]

    parts, _ = with_smaller_batches(run, batch_size, "scoring")
    return np.concatenate(parts) if parts else np.empty(0)


def milliseconds_per_image(
    model: keras.Model, batch_size: int = 32, repeats: int = 3, score: Scorer | None = None
) -> float:
    """Returns the median time a picture takes in batches of `batch_size`, in milliseconds.

    Where memory does not suffice, in smaller batches. `score` is the model compiled already.

    Raises:
        DataError: memory does not suffice for one picture.
    """
    score = score or compile_scorer(model)

    def measure(size: int) -> list[float]:
        shape = (size, *model.input_shape[1:])
        pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        score(pictures)
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            score(pictures)
            seconds.append(time.perf_counter() - started)
        return seconds

    seconds, used = with_smaller_batches(measure, batch_size, "timing a score of")
    return float(np.median(seconds)) * 1000 / used
