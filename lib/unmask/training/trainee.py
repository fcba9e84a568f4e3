"""The network as a training sees it: what happens to each batch before an ordinary step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from .adversarial import make_attack
from .augmentation import device_augmentation, split_host_and_device
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
        pictures, labels = data
        for change in self.changes():
            pictures, labels = change(pictures, labels, self.optimizer.iterations.value)
        return super().train_step((pictures, labels))


def make_trainee(model: keras.Model, settings: TrainingSettings) -> keras.Model:
    """Returns what to call `fit` on: `model` itself unless batches are to be changed."""
    changes: list[Change] = []
    layer = device_augmentation(device_names(settings), settings.augment, settings.seed)
    if layer is not None:
        changes.append(lambda pictures, labels, step: (layer(pictures, training=True), labels))
    if settings.adversarial:
        attack = make_attack(model, settings.adversarial, settings.adversarial_steps, settings.seed)
        changes.append(lambda pictures, labels, step: (attack(pictures, labels, step), labels))
    if settings.label_smoothing:
        changes.append(_smoothing(settings.label_smoothing))
    if not changes:
        return model
    trainee = Trainee(model.input, model.output, name=model.name)
    trainee.change_batches(changes)
    if layer is not None:
        trainee.set_epoch = layer.set_epoch
    return trainee


def host_names(settings: TrainingSettings) -> tuple[str, ...]:
    """Returns the augmentations that the processor does."""
    return _split(settings)[0]


def device_names(settings: TrainingSettings) -> tuple[str, ...]:
    """Returns the augmentations that the GPU does, none without one."""
    return _split(settings)[1]


def _split(settings: TrainingSettings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [name for name in settings.augmentations if not (settings.crop and name == "shift")]
    # A mixed picture is two pictures: each is changed before they meet, by the processor.
    return split_host_and_device(names, _on_gpu() and not settings.mixup)


def _on_gpu() -> bool:
    return bool(tf.config.list_physical_devices("GPU"))


def _smoothing(amount: float) -> Change:
    def smooth(pictures, labels, step):
        return pictures, labels * (1.0 - amount) + 0.5 * amount

    return smooth
