"""Trains one network: early stopping, best weights, and resuming after any interruption."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..errors import DataError, UsageError
from ..runs import report_progress
from .adversarial import check_slopes
from .checkpoints import Checkpoints, best_epoch
from .devices import Scale, choose_scale, scale_notices, share_steps, training_devices
from .fast import plain
from .features import whole_faces
from .fitting import Task, fit_network, steps_of
from .linear import train_head
from .memory import batch_notice, with_smaller_batches
from .optimizers import compile_for_training
from .precision import choose_precision, describe_device
from .results import read_result, training_key, write_result
from .settings import TrainingData, TrainingResult, TrainingSettings
from .snapshots import average, read_snapshots
from .watcher import Progress

__all__ = ["Progress", "compile_for_training", "train"]

# Each training compiles its own graph once; TensorFlow takes several small ones for a mistake.
tf.get_logger().addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)


def train(
    model: keras.Model,
    data: TrainingData,
    settings: TrainingSettings,
    folder: str | Path,
    progress: Progress = report_progress,
) -> TrainingResult:
    """Trains `model` with binary cross-entropy and saves the best epoch in `folder`.

    Called again it goes on after the last finished epoch, and returns at once when everything is
    on disk. A folder that holds a training with other data, settings or layers is emptied first.
    Where memory does not suffice it goes on with half the batch, and says so. Several GPUs share
    each step, see `devices`; what is saved is the same, and can be taken up on one or on several.

    Args:
        model: a network from `detectors`, with the weights to start from; with `settings.crop`
            one built for crops, and what is saved takes whole faces.
        data: the pictures.
        settings: how to train.
        folder: gets model.keras, history.csv, training.json and tensorboard/; with the schedule
            "snapshots" also snapshots/, and the saved model is their average; a linear head
            leaves its features in `features/` beside the folder.
        progress: told a fraction 0 to 1 and a few words, about once a second.

    Raises:
        DataError: the loss was not a number before any epoch had ended; or memory does not
            suffice for one picture.
        UsageError: the network was built for pictures of another size, or adversarial training
            is asked of one whose score has no slope.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _check_size(model, data, settings)
    if settings.method == "linear_head":
        return train_head(model, data, settings, folder, progress)
    key = training_key(model, data, settings)
    finished = read_result(folder, key)
    if finished:
        return finished
    if settings.adversarial:
        side = model.input_shape[1]
        check_slopes(model, np.asarray(data.pixels[data.train_rows[:4], :side, :side]))
    checkpoints = Checkpoints(folder, key)
    notices: list[str] = []
    resumed_from = checkpoints.restore(notices)
    names = training_devices()
    possible = _scale(data, settings, len(names))
    scale = checkpoints.scale or possible
    checkpoints.scale = scale
    precision = choose_precision(settings.precision)
    task = Task(model, data, settings, scale, precision, checkpoints, notices, progress)
    start = checkpoints.batch_size or scale.batch_size
    sharing = len(share_steps(names, settings.batch_size, scale, start))
    fitted, used = with_smaller_batches(
        functools.partial(fit_network, task), start, "training", sharing
    )
    notices += scale_notices(settings.batch_size, scale, possible, len(names))
    if used < scale.batch_size:
        notices.append(batch_notice(scale.batch_size, used))
    record = {
        "key": key,
        "precision": precision,
        "device": describe_device(precision, fitted.devices),
        "notices": notices,
        "batch_size": used,
        "batch_size_asked": settings.batch_size,
        "devices": fitted.devices,
        "rate_factor": scale.rate,
        "compilation": fitted.compilation,
    }
    return _finish(fitted.network, data, settings, checkpoints, record, resumed_from)


def _scale(data: TrainingData, settings: TrainingSettings, devices: int) -> Scale:
    def steps(batch_size: int) -> int:
        return steps_of(data, replace(settings, batch_size=batch_size))

    return choose_scale(settings.batch_size, settings.optimizer, devices, steps)


def _finish(fast, data, settings, checkpoints, record, resumed_from) -> TrainingResult:
    history = checkpoints.history.reset_index(drop=True)
    if history.empty:
        raise DataError(
            record["notices"][-1].split("; a lower")[0] + ".",
            expected="a loss that is a number",
            fix="lower the learning rate, or set precision to float32",
        )
    best = best_epoch(history)
    fast.set_weights(checkpoints.read_best(best))
    saved = plain(fast)
    snapshots = read_snapshots(checkpoints.folder, record["notices"])
    if snapshots:
        saved = average(saved, snapshots)
    if settings.crop:
        saved = plain(whole_faces(saved, data.pixels.shape[1:]))
    record = {**record, "best_epoch": best, "seconds": float(history["seconds"].sum())}
    result = write_result(checkpoints.folder, saved, history, record, resumed_from)
    checkpoints.discard_weights()
    return result


def _check_size(model: keras.Model, data: TrainingData, settings: TrainingSettings) -> None:
    shape = data.pixels.shape[1:]
    wanted = (settings.crop, settings.crop, shape[2]) if settings.crop else shape
    if tuple(model.input_shape[1:]) != tuple(wanted):
        raise UsageError(
            f"The network {model.name} takes pictures of {model.input_shape[1:]}, but is to be "
            f"trained on {'crops' if settings.crop else 'faces'} of {tuple(wanted)}.",
            expected="height, width and channels alike",
            fix="build it for the pictures it is trained on, or change the crop",
        )
