"""Trains one network: early stopping, best weights, and resuming after any interruption."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..detectors import set_trainable
from ..errors import DataError, UsageError
from ..runs import report_progress
from .adversarial import check_slopes
from .batches import count_steps, make_batches
from .checkpoints import Checkpoints, best_epoch
from .fast import accelerate, fit_momentum, plain
from .features import whole_faces
from .linear import train_head
from .memory import batch_notice, with_smaller_batches
from .optimizers import compile_for_scoring, compile_for_training
from .precision import choose_precision, describe_device
from .results import read_result, training_key, write_result
from .settings import TrainingData, TrainingResult, TrainingSettings
from .snapshots import average, read_snapshots
from .trainee import has_gpu, make_trainee, split_augmentations
from .watcher import Progress, Watcher, WholeFaces, phase_is_over, rows_of

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
    Where memory does not suffice it goes on with half the batch, and says so.

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
    precision = choose_precision(settings.precision)

    def attempt(batch_size: int) -> keras.Model:
        checkpoints.batch_size = batch_size
        fast = accelerate(model, precision)
        smaller = replace(settings, batch_size=batch_size)
        if not settings.initial_weights:
            fit_momentum(fast, _steps(data, smaller))
        _run_phases(fast, data, smaller, checkpoints, notices, progress)
        return fast

    start = checkpoints.batch_size or settings.batch_size
    fast, used = with_smaller_batches(attempt, start, "training")
    if used < settings.batch_size:
        notices.append(batch_notice(settings.batch_size, used))
    record = {
        "key": key,
        "precision": precision,
        "device": describe_device(precision),
        "notices": notices,
        "batch_size": used,
        "batch_size_asked": settings.batch_size,
    }
    return _finish(fast, data, settings, checkpoints, record, resumed_from)


def _run_phases(fast, data, settings, checkpoints, notices, progress) -> None:
    steps = _steps(data, settings)
    trainee = make_trainee(fast, settings, has_gpu())
    for number, phase in enumerate(settings.plan()):
        history = checkpoints.history
        rows = rows_of(history, number)
        later = (history["phase"] > number + 1).any()
        if later or phase_is_over(history, number, settings):
            continue
        set_trainable(fast, phase.trainable, freeze_normalization=bool(settings.initial_weights))
        keras.utils.set_random_seed(settings.seed + len(history))
        compile_for_training(
            trainee, settings, phase.learning_rate, epochs=phase.epochs, steps=steps
        )
        if len(rows):
            checkpoints.load_last(trainee, len(history))
            if settings.schedule != "constant":
                # The batch may have become smaller since: what counts are the epochs.
                trainee.optimizer.iterations.assign(len(rows) * steps)
        elif len(history):
            fast.set_weights(checkpoints.read_best(best_epoch(history)))
        watcher = Watcher(checkpoints, settings, number, progress)
        _fit(trainee, data, settings, watcher)
        if watcher.broken:
            notices.append(watcher.broken)
            return


def _fit(trainee, data: TrainingData, settings: TrainingSettings, watcher: Watcher) -> None:
    first = len(watcher.checkpoints.history)
    batches = make_batches(
        data.pixels,
        data.train_rows,
        data.train_labels,
        batch_size=settings.batch_size,
        seed=settings.seed,
        augment=settings.augment,
        names=split_augmentations(settings, has_gpu())[0],
        crop=settings.crop,
        mixup=settings.mixup,
        fakes=settings.fakes,
        shuffle=True,
        first_epoch=first,
        endless=True,
    )
    validation = make_batches(
        data.pixels,
        data.val_rows,
        data.val_labels,
        batch_size=settings.batch_size,
        seed=settings.seed,
        fakes="given" if data.val_labels.any() else settings.fakes,
    )
    callbacks = [
        keras.callbacks.TensorBoard(
            str(watcher.checkpoints.folder / "tensorboard"), write_graph=False
        ),
        watcher,
    ]
    if settings.crop:
        whole = whole_faces(trainee, data.pixels.shape[1:])
        compile_for_scoring(whole)
        callbacks.insert(0, WholeFaces(whole, validation))
        validation = None
    trainee.fit(
        batches,
        validation_data=validation,
        steps_per_epoch=_steps(data, settings),
        initial_epoch=first,
        epochs=watcher.last_epoch,
        verbose=0,
        callbacks=callbacks,
    )


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


def _steps(data: TrainingData, settings: TrainingSettings) -> int:
    return count_steps(data.train_labels, settings.batch_size, settings.fakes)


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
