"""The network as a training sees it: what happens to each batch before an ordinary step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from .adversarial import make_attack
from .augmentation import device_augmentation, split_host_and_device
from .mirrored import count_devices
from .settings import TrainingSettings

Change = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Trainee(keras.Model):
    """A functional network that changes each training batch; layers and weights are shared.

    Plain Keras saves it as what it is made of: see `fast.plain`.
    """

    def change_batches(self, changes: Sequence[Change]) -> None:
        """Takes functions of pictures, labels and the step's number, done one after the other."""
        # In a function, for Keras tracks lists and would find layers in it.
        self.changes = lambda: tuple(changes)

    def train_step(self, data):
        """Takes an ordinary step on the changed batch."""
        pictures, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        for change in self.changes():
            pictures, labels = change(pictures, labels, self.optimizer.iterations.value)
        return super().train_step((pictures, labels, weights))


def make_trainee(model: keras.Model, settings: TrainingSettings, on_gpu: bool) -> keras.Model:
    """Returns what to call `fit` on: `model` itself unless batches are to be changed or shared.

    Args:
        model: a functional network.
        settings: augmentation on the device, adversarial and label_smoothing change batches.
        on_gpu: whether a GPU trains, which then also does what it can of the augmentation.
    """
    changes: list[Change] = []
    _, names = split_augmentations(settings, on_gpu)
    layer = device_augmentation(names, settings.augment, settings.seed)
    if layer is not None:
        changes.append(lambda pictures, labels, step: (layer(pictures, training=True), labels))
    if settings.adversarial:
        attack = make_attack(model, settings.adversarial, settings.adversarial_steps, settings.seed)
        changes.append(lambda pictures, labels, step: (attack(pictures, labels, step), labels))
    if settings.label_smoothing:
        changes.append(_smoothing(settings.label_smoothing))
    if not changes and count_devices() == 1:
        return model
    trainee = Trainee(model.input, model.output, name=model.name)
    trainee.change_batches(changes)
    if layer is not None:
        trainee.set_epoch = layer.set_epoch
    return trainee


def split_augmentations(
    settings: TrainingSettings, on_gpu: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns which augmentations the processor does, and which the GPU."""
    # A mixed picture is two: each is changed before they meet, by the processor.
    on_gpu = on_gpu and not settings.mixup
    names = settings.augmentations
    if settings.crop:  # crops are moved already
        names = tuple(name for name in names if name != "shift")
    return split_host_and_device(names, on_gpu)


def has_gpu() -> bool:
    """Tells whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def _smoothing(amount: float) -> Change:
    def smooth(pictures, labels, step):
        return pictures, labels * (1.0 - amount) + 0.5 * amount

    return smooth
