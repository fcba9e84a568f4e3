"""How fast a network trains as Unmask trains it, against its layers compiled plainly."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from unmask import detectors
from unmask.training.batches import make_batches
from unmask.training.fast import accelerate
from unmask.training.fit import compile_for_training
from unmask.training.precision import choose_precision
from unmask.training.settings import TrainingSettings


def ways(name: str, side: int, batch_size: int, steps: int) -> dict[str, Callable[[], int]]:
    """Returns training `steps` steps of the network `name`, all layers learning, two ways."""
    precision = choose_precision()
    fast = accelerate(detectors.build(name, (side, side, 3)), precision)
    compile_for_training(fast, TrainingSettings(), learning_rate=1e-3)
    simple = compile_plainly(detectors.build(name, (side, side, 3)), learning_rate=1e-3)
    count = batch_size * steps
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    labels = np.arange(count) % 2

    def training_of(model: keras.Model) -> Callable[[], int]:
        batches = make_batches(
            pixels, np.arange(count), labels, batch_size=batch_size, endless=True
        )

        def run() -> int:
            model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0)
            return count

        return run

    return {
        f"fused, {precision} (Unmask)": training_of(fast),
        "plain Keras, float32": training_of(simple),
    }


def compile_plainly(model: keras.Model, learning_rate: float) -> keras.Model:
    """Returns `model`, compiled as one would without Unmask."""
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy("accuracy"), keras.metrics.AUC(name="auc")],
    )
    return model
