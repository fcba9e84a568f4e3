"""Which devices train side by side, and what that makes of the batch and the learning rate.

Each device takes the batch that was asked for (Goyal et al., 2017, arXiv:1706.02677), so that
batch normalization sees as many pictures at once as it would on one device. The rate grows with
the batch: linearly for plain gradient descent, as they found. For optimizers that divide by the
size of the gradients theory has the square root (Malladi et al., 2022, arXiv:2205.10287), for
trainings with steps to spare. Ours have few: on crops of 48 pixels of the demo's faces, a small
network and one device, 8 epochs of Adam with batches of 64 came nearest to those with 32 at twice
the rate (best validation loss, mean of 4 seeds, rates of 0.0003 and 0.001: 0.41 and 0.33 with 32;
with 64 at the same rate 0.44 and 0.41, at 1.41 times 0.45 and 0.37, at twice 0.39 and 0.34). Seeds
differ by as much, and the best AUC does not tell 1.41 times from twice. So it is linear up to twice
the rate, which is all that was measured, and beyond it the square root.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING

import tensorflow as tf

from ..errors import UsageError

if TYPE_CHECKING:
    from .settings import TrainingSettings

GPUS = "UNMASK_GPUS"
# Else the first process that computes anything takes all memory of every GPU it sees, and leaves
# none to the workers of a search, nor to another step or notebook. TensorFlow looks at it when
# it starts a GPU, which importing it does not.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# Steps that an epoch keeps: with fewer, larger ones a small training set is learnt too slowly.
LEAST_STEPS = 20
# Times the rate, up to which it was seen to keep pace with as many times the batch.
MEASURED = 2.0


@dataclass(frozen=True)
class Scale:
    """What a training makes of what it was asked for; it keeps it when it is taken up again.

    Attributes:
        batch_size: pictures a step, of all devices together.
        rate: factor of every learning rate.
    """

    batch_size: int
    rate: float = 1.0


def best_gpus() -> list[tuple[str, tuple[int, int]]]:
    """Returns name and compute capability of the GPUs that training may use, see `fit_together`.

    No more than the environment variable UNMASK_GPUS says.

    Raises:
        UsageError: the variable is no whole number above 0.
    """
    return fit_together(_gpus(), _most())


def fit_together(
    gpus: list[tuple[str, tuple[int, int]]], most: int | None
) -> list[tuple[str, tuple[int, int]]]:
    """Returns which of `gpus` (name, compute capability) may share a step.

    Those that compute as the first one does, for the slowest sets the pace; the system puts the
    fastest first.
    """
    return [gpu for gpu in gpus if gpu[1] == gpus[0][1]][:most]


def training_devices() -> list[str]:
    """Returns TensorFlow's names of the devices that may train side by side, at least one.

    GPUs, see `best_gpus`; on a machine without any its processor, which is one device unless
    TensorFlow was told to split it.
    """
    gpus = best_gpus()
    if not gpus:
        return [device.name for device in tf.config.list_logical_devices("CPU")][: _most()]
    names = [f"GPU:{place}" for place, gpu in enumerate(_gpus()) if gpu[1] == gpus[0][1]]
    return names[: len(gpus)]


def choose_scale(
    batch_size: int, optimizer: str, devices: int, steps_of: Callable[[int], int]
) -> Scale:
    """Returns batch and rate for as many of the devices as leave an epoch enough steps.

    Args:
        batch_size: asked for, pictures a step of each device.
        optimizer: one of `OPTIMIZERS`.
        devices: how many there are.
        steps_of: from a batch to the steps of an epoch.
    """
    fitting = [
        count for count in range(2, devices + 1) if steps_of(batch_size * count) >= LEAST_STEPS
    ]
    factor = max(fitting, default=1)
    rate = float(factor) if optimizer == "sgd" else max(min(factor, MEASURED), sqrt(factor))
    return Scale(batch_size * factor, rate)


def share_steps(names: list[str], asked: int, scale: Scale, batch_size: int) -> list[str]:
    """Returns which devices share each step, in equal parts.

    As many as the batch was scaled for, however many there are: so a training that is taken up
    on another machine goes on as it began.

    Args:
        names: of the devices there are.
        asked: pictures a step of each device.
        scale: what was made of them.
        batch_size: what is left of it where memory did not suffice.
    """
    most = min(len(names), scale.batch_size // asked)
    return names[: max(count for count in range(1, most + 1) if batch_size % count == 0)]


def open_strategy(devices: list[str]) -> tf.distribute.MirroredStrategy | None:
    """Returns what several devices train under, None for one."""
    return _strategy(tuple(devices)) if len(devices) > 1 else None


@functools.cache
def _strategy(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    # A second one for the same devices would number its exchanges like the first, and TensorFlow
    # takes two of one number for the same and aborts both.
    return tf.distribute.MirroredStrategy(devices)


def scaled(settings: TrainingSettings, rate: float, batch_size: int) -> TrainingSettings:
    """Returns the settings with every learning rate multiplied, and with another batch."""
    return replace(
        settings,
        batch_size=batch_size,
        learning_rate=settings.learning_rate * rate,
        phases=tuple(
            replace(phase, learning_rate=phase.learning_rate * rate) for phase in settings.phases
        ),
    )


def scale_notices(asked: int, scale: Scale, possible: Scale, devices: int) -> list[str]:
    """Returns what a reader must know of a training where there is more than one device.

    Args:
        asked: pictures a step of each device.
        scale: what was made of them.
        possible: what would have been made of them here and now.
        devices: how many there are here.
    """
    if scale.batch_size > asked:
        return [
            f"Several devices trained at once: a step was to take {scale.batch_size} faces where "
            f"{asked} were asked for, at {scale.rate:.3g} times the learning rate. The numbers are "
            "not those of one device."
        ]
    if possible.batch_size > asked:
        return [f"One of {devices} devices trained, for the training had begun on one."]
    if devices > 1:
        return [
            f"One of {devices} devices trained: with two, an epoch would have had fewer than "
            f"{LEAST_STEPS} steps."
        ]
    return []


def _gpus() -> list[tuple[str, tuple[int, int]]]:
    found = []
    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        capability = details.get("compute_capability", (0, 0))
        found.append((details.get("device_name", "GPU"), tuple(capability)))
    return found


def _most() -> int | None:
    asked = os.environ.get(GPUS, "").strip()
    if not asked:
        return None
    if not asked.isdigit() or int(asked) < 1:
        raise UsageError(
            f"{GPUS} is {asked!r}.",
            expected="how many GPUs to train on at most, a whole number above 0",
            fix="set it to 1 for one GPU, or unset it for all",
        )
    return int(asked)
