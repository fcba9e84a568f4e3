"""From a probability back to what the sigmoid was given."""

from __future__ import annotations

import keras

from .exact import Exact

LARGEST = 16.0


@keras.saving.register_keras_serializable("unmask")
class Logit(Exact):
    """log(p / (1 - p)) of probabilities of any shape, kept within -16..16.

    Beyond 16 float32 cannot tell a probability from 1.
    """

    def compute(self, inputs):
        logits = keras.ops.log(inputs) - keras.ops.log1p(-inputs)
        return keras.ops.clip(logits, -LARGEST, LARGEST)
