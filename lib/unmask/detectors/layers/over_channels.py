"""What all channels together say of a place."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable("unmask")
class MeanAndLargest(keras.layers.Layer):
    """Mean and largest value over the channels: `[n, h, w, channels]` to `[n, h, w, 2]`."""

    def call(self, inputs):
        mean = keras.ops.mean(inputs, axis=-1, keepdims=True)
        largest = keras.ops.max(inputs, axis=-1, keepdims=True)
        return keras.ops.concatenate([mean, largest], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)
