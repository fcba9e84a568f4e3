"""How much of a training step is spent waiting for pictures."""

from __future__ import annotations

import time

import keras
import numpy as np
import tensorflow as tf

WARM_UP = 3  # steps before the first measurement: graphs are traced, buffers filled


def waiting_share(
    model: keras.Model, batches: tf.data.Dataset, steps: int = 20, repeats: int = 3
) -> float:
    """Returns the share of a training step that waits for data, 0 to 1.

    The same steps are timed fed from `batches`, and with one batch that lies ready, in turns so
    that a busy machine disturbs both alike; of each the median counts. `model` goes on learning.

    Args:
        model: compiled, see `optimizers.compile_for_training`.
        batches: endless, as `make_batches` gives them.
        steps: of a measurement.
        repeats: measurements of either kind.
    """
    one = next(iter(batches))
    feeds = {"fed": iter(batches), "ready": iter(tf.data.Dataset.from_tensors(one).repeat())}
    seconds: dict[str, list[float]] = {name: [] for name in feeds}
    for number in range(repeats + 1):
        for name, feed in feeds.items():
            count = steps if number else WARM_UP
            taken = _timed(model, feed, count) / count
            if number:
                seconds[name].append(taken)
    fed, ready = (float(np.median(seconds[name])) for name in ("fed", "ready"))
    return max(0.0, 1.0 - ready / fed)


def _timed(model: keras.Model, feed, steps: int) -> float:
    model.make_train_function()
    started = time.perf_counter()
    for _ in range(steps):
        logs = model.train_function(feed)
    # The device may still be at work; reading a result waits for it.
    float(logs["loss"])
    return time.perf_counter() - started
