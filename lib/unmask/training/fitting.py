"""The fit itself: phase after phase from where it had come to, on one device or on several."""

from __future__ import annotations

import contextlib
import gc
import traceback
from dataclasses import dataclass

import keras
import tensorflow as tf

from ..detectors import set_trainable
from ..runs import write_text
from .batches import count_steps, make_batches
from .checkpoints import Checkpoints, best_epoch
from .compilation import can_compile, choose_compilation
from .devices import Scale, open_strategy, scaled, share_steps, training_devices
from .fast import accelerate, fit_momentum
from .features import whole_faces
from .memory import is_out_of_memory
from .mirrored import AverageCopies, share_out
from .optimizers import compile_for_scoring, compile_for_training
from .settings import TrainingData, TrainingSettings
from .trainee import has_gpu, make_trainee, split_augmentations
from .watcher import Progress, Watcher, WholeFaces, phase_is_over, rows_of

NOT_TOGETHER = (
    "{count} devices failed to train together ({error}); one of them went on with the same batches."
)
# What TensorFlow raises while it plans a step or takes it, on one device or on several.
FAULTS = (tf.errors.OpError, RuntimeError, TypeError, ValueError)
# In the message of what follows when a device failed and the others waited for it in vain. Until
# the process ends all that they are to exchange may fail so, memory or not.
EXCHANGE_LOST = "Collective ops is aborted by"


@dataclass(frozen=True)
class Task:
    """What is to be fitted, how, and where it leaves its files.

    Attributes:
        model: of Keras' own layers, with the weights to start from.
        data, settings: as `train` was given them.
        scale: of batch and rate.
        precision: a Keras dtype policy.
        checkpoints: of the training's folder.
        notices: gets sentences for the reader.
        progress: told a fraction 0 to 1 and a few words.
    """

    model: keras.Model
    data: TrainingData
    settings: TrainingSettings
    scale: Scale
    precision: str
    checkpoints: Checkpoints
    notices: list[str]
    progress: Progress


@dataclass(frozen=True)
class Fitted:
    """What came of a task.

    Attributes:
        network: the accelerated copy that was trained.
        devices: how many shared each step.
        compilation: what was found about XLA, in words.
    """

    network: keras.Model
    devices: int
    compilation: str


def fit_network(task: Task, batch_size: int) -> Fitted:
    """Goes on with `task` to its end, with batches of so many pictures on all devices together.

    Called again after a failure it goes on after the last epoch that was saved. What XLA or
    several devices failed at, one device does without XLA; the error lies in fault.txt.
    """
    task.checkpoints.batch_size = batch_size
    settings = scaled(task.settings, task.scale.rate, batch_size)
    names = share_steps(training_devices(), task.settings.batch_size, task.scale, batch_size)
    strategy = open_strategy(names)
    compiled, words = (False, "") if strategy else _compilation(task, settings)
    try:
        return Fitted(_run_phases(task, settings, strategy, compiled), len(names), words)
    except FAULTS as error:
        lost = EXCHANGE_LOST in str(error)
        if not compiled and (not strategy or (is_out_of_memory(error) and not lost)):
            raise
        said = type(error).__name__
        write_text(task.checkpoints.folder / "fault.txt", traceback.format_exc())
    # Here the traceback is gone, which held on to the network on the devices.
    gc.collect()
    if compiled:
        words = f"XLA was tried and given up ({said})"
    else:
        notice = NOT_TOGETHER.format(count=len(names), error=said)
        if notice not in task.notices:
            task.notices.append(notice)
    # If it was not that, it fails once more.
    return Fitted(_run_phases(task, settings, None, False), 1, words)


def steps_of(data: TrainingData, settings: TrainingSettings) -> int:
    """Returns how many steps an epoch has."""
    return count_steps(data.train_labels, settings.batch_size, settings.fakes)


def _scope(strategy: tf.distribute.Strategy | None):
    return strategy.scope() if strategy else contextlib.nullcontext()


def _networks(task: Task, settings: TrainingSettings) -> tuple[keras.Model, keras.Model]:
    """Returns the fast copy of the network, and what to call `fit` on, which shares its layers."""
    fast = accelerate(task.model, task.precision)
    if not settings.initial_weights:
        fit_momentum(fast, steps_of(task.data, settings))
    return fast, make_trainee(fast, settings, has_gpu())


def _run_phases(
    task: Task, settings: TrainingSettings, strategy: tf.distribute.Strategy | None, compiled: bool
) -> keras.Model:
    steps, checkpoints = steps_of(task.data, settings), task.checkpoints
    with _scope(strategy):
        fast, trainee = _networks(task, settings)
    for number, phase in enumerate(settings.plan()):
        history = checkpoints.history
        rows = rows_of(history, number)
        later = (history["phase"] > number + 1).any()
        if later or phase_is_over(history, number, settings):
            continue
        set_trainable(fast, phase.trainable, freeze_normalization=bool(settings.initial_weights))
        keras.utils.set_random_seed(settings.seed + len(history))
        with _scope(strategy):
            compile_for_training(
                trainee,
                settings,
                phase.learning_rate,
                epochs=phase.epochs,
                steps=steps,
                jit_compile=compiled,
            )
        if len(rows):
            checkpoints.load_last(trainee, len(history))
            if settings.schedule != "constant":
                # The batch may have become smaller since: what counts are the epochs.
                trainee.optimizer.iterations.assign(len(rows) * steps)
        elif len(history):
            fast.set_weights(checkpoints.read_best(best_epoch(history)))
        watcher = Watcher(checkpoints, settings, number, task.progress)
        _fit(trainee, task.data, settings, watcher, strategy)
        if watcher.broken:
            task.notices.append(watcher.broken)
            break
    return fast


def _fit(
    trainee: keras.Model,
    data: TrainingData,
    settings: TrainingSettings,
    watcher: Watcher,
    strategy: tf.distribute.Strategy | None,
) -> None:
    first = len(watcher.checkpoints.history)
    batches = _learnt(data, settings, first)
    validation = _held(data, settings, strategy.num_replicas_in_sync if strategy else 1)
    callbacks = [
        keras.callbacks.TensorBoard(
            str(watcher.checkpoints.folder / "tensorboard"), write_graph=False
        ),
        watcher,
    ]
    whole = None
    if settings.crop:
        whole = whole_faces(trainee, data.pixels.shape[1:])
    elif strategy:
        # Keras cannot score batches that are not dealt evenly; one device scores them all.
        whole = keras.Model(trainee.input, trainee.output, name=trainee.name)
    if whole is not None:
        compile_for_scoring(whole)
        callbacks.insert(0, WholeFaces(whole, validation))
        validation = None
    if strategy:
        batches = share_out(batches, strategy)
        callbacks.insert(0, AverageCopies())
    trainee.fit(
        batches,
        validation_data=validation,
        steps_per_epoch=steps_of(data, settings),
        initial_epoch=first,
        epochs=watcher.last_epoch,
        shuffle=False,  # the batches are shuffled already; newer Keras warns of a wish for more
        verbose=0,
        callbacks=callbacks,
    )


def _learnt(data: TrainingData, settings: TrainingSettings, first_epoch: int) -> tf.data.Dataset:
    return make_batches(
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
        first_epoch=first_epoch,
        endless=True,
    )


def _held(data: TrainingData, settings: TrainingSettings, devices: int) -> tf.data.Dataset:
    return make_batches(
        data.pixels,
        data.val_rows,
        data.val_labels,
        batch_size=settings.batch_size // devices,
        seed=settings.seed,
        fakes="given" if data.val_labels.any() else settings.fakes,
    )


def _compilation(task: Task, settings: TrainingSettings) -> tuple[bool, str]:
    """Returns whether to compile with XLA, and why, in words; never without a GPU."""
    if not has_gpu() or not can_compile(task.model):
        return False, ""
    plan = settings.plan()
    total = sum(phase.epochs for phase in plan) - len(task.checkpoints.history)

    def make(compiled: bool) -> keras.Model:
        fast, trainee = _networks(task, settings)
        set_trainable(fast, plan[-1].trainable, freeze_normalization=bool(settings.initial_weights))
        compile_for_training(trainee, settings, plan[-1].learning_rate, jit_compile=compiled)
        return trainee

    batch = next(iter(_learnt(task.data, settings, 0)))
    return choose_compilation(make, batch, total * steps_of(task.data, settings))
