"""The same network, faster: TensorFlow's fused batch normalization and a mixed precision.

Keras 3 computes batch normalization from primitive operations, which is most of a training step
of a small network on a CPU, and does it in float32 even under a mixed policy. Only copies made
for training use what is here; files on disk hold Keras' own layers in float32.
"""

from __future__ import annotations

import keras
import tensorflow as tf


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization through `FusedBatchNormV3`, equal to Keras' own to rounding.

    The fused operation is used for images with the channels last; anything else is left to
    Keras. Weights and configuration are those of `keras.layers.BatchNormalization`.
    """

    def call(self, inputs, training=None, mask=None):
        if mask is not None or len(inputs.shape) != 4 or self.axis not in (3, -1):
            return super().call(inputs, training=training, mask=mask)
        learning = bool(training) and self.trainable
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma if self.scale else tf.ones(channels),
            offset=self.beta if self.center else tf.zeros(channels),
            mean=tf.zeros(0) if learning else self.moving_mean,
            variance=tf.zeros(0) if learning else self.moving_variance,
            epsilon=self.epsilon,
            is_training=learning,
        )
        if learning:
            # The operation gives the unbiased variance; Keras keeps the biased one.
            count = tf.cast(tf.size(inputs) // channels, tf.float32)
            variance = variance * (count - 1.0) / count
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        return outputs

    def _move(self, variable, value) -> None:
        variable.assign(variable * self.momentum + value * (1.0 - self.momentum))


def accelerate(model: keras.Model, precision: str = "float32") -> keras.Model:
    """Returns a copy of `model` to train or score with: fused normalization, given precision.

    The first rescaling and the last layer stay in float32, so pixels are not rounded and the
    scores are float32. Weights and the `trainable` flag of each layer are copied.

    Args:
        model: a functional Keras model.
        precision: a Keras dtype policy, see `choose_precision`.
    """
    last = model.layers[-1].name

    def copy_layer(layer):
        exact = layer.name == last or isinstance(layer, keras.layers.Rescaling)
        return _copy(layer, "float32" if exact else precision, FusedBatchNormalization)

    return _clone(model, copy_layer)


def plain(model: keras.Model) -> keras.Model:
    """Returns a copy of `model` of Keras' own layers in float32, as files on disk hold it."""
    return _clone(model, lambda layer: _copy(layer, "float32", keras.layers.BatchNormalization))


def fit_momentum(model: keras.Model, steps_per_epoch: int) -> None:
    """Sets the momentum of batch normalization for a network trained from random weights.

    With Keras' 0.99 the statistics used for validation lag behind the weights by hundreds of
    steps. Here the start weighs at most 1% after an epoch, within 0.8 to 0.99.
    """
    momentum = min(0.99, max(0.8, 0.01 ** (1 / max(1, int(steps_per_epoch)))))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


def _copy(layer, precision: str, normalization: type) -> keras.layers.Layer:
    config = layer.get_config()
    config["dtype"] = precision
    is_normalization = isinstance(layer, keras.layers.BatchNormalization)
    copied = (normalization if is_normalization else type(layer)).from_config(config)
    copied.trainable = layer.trainable
    return copied


def _clone(model: keras.Model, copy_layer) -> keras.Model:
    was_training = [layer.trainable for layer in model.layers]
    # Cloning a compiled model clones its optimizer too, which triples the file that is saved.
    uncompiled = keras.Model(model.input, model.output, name=model.name)
    clone = keras.models.clone_model(uncompiled, clone_function=copy_layer)
    clone.set_weights(model.get_weights())
    for layer, trainable in zip(clone.layers, was_training, strict=True):
        layer.trainable = trainable
    return clone
