"""Trains one network: early stopping, best weights, and resuming after any interruption."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import keras
import pandas as pd
import tensorflow as tf

from ..detectors import set_trainable
from ..errors import DataError
from ..runs import atomic_path, read_json, report_progress, sha256_of, write_json
from .batches import count_batches, make_batches
from .checkpoints import Checkpoints, best_epoch, is_over
from .fast import accelerate, fit_momentum, plain
from .precision import choose_precision, describe_device
from .settings import TrainingData, TrainingResult, TrainingSettings

# Each training compiles its own graph once; TensorFlow takes several small ones for a mistake.
tf.get_logger().addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)

Progress = Callable[[float, str], None]


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

    Args:
        model: a network from `detectors`, with the weights to start from.
        data: the pictures.
        settings: how to train.
        folder: gets model.keras, history.csv, training.json and tensorboard/.
        progress: told a fraction 0 to 1 and a few words, about once a second.

    Raises:
        DataError: the loss was not a number before any epoch had ended.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    key = _key(model, data, settings)
    finished = _read_result(folder, key)
    if finished:
        return finished
    checkpoints = Checkpoints(folder, key)
    notices: list[str] = []
    resumed_from = checkpoints.restore(notices)
    precision = choose_precision(settings.precision)
    fast = accelerate(model, precision)
    if not settings.initial_weights:
        fit_momentum(fast, count_batches(len(data.train_rows), settings.batch_size))
    _run_phases(fast, data, settings, checkpoints, notices, progress)
    return _finish(fast, checkpoints, key, notices, precision, resumed_from)


def _run_phases(fast, data, settings, checkpoints, notices, progress) -> None:
    for number, phase in enumerate(settings.plan()):
        history = checkpoints.history
        rows = _rows_of(history, number)
        later = (history["phase"] > number + 1).any()
        if later or is_over(rows, phase.epochs, settings.patience):
            continue
        set_trainable(fast, phase.trainable, freeze_normalization=bool(settings.initial_weights))
        keras.utils.set_random_seed(settings.seed + len(history))
        compile_for_training(fast, settings, phase.learning_rate)
        if len(rows):
            checkpoints.load_last(fast, len(history))
        elif len(history):
            fast.set_weights(checkpoints.read_best(best_epoch(history)))
        watcher = _Watcher(checkpoints, settings, number, progress)
        _fit(fast, data, settings, watcher)
        if watcher.broken:
            notices.append(watcher.broken)
            return


def compile_for_training(
    model: keras.Model, settings: TrainingSettings, learning_rate: float
) -> None:
    """Compiles `model` in place as `train` does: loss, metrics and the optimizer of `settings`."""
    # AdamW wants a number; the others take 0 for "decay by nothing" and waste time on it.
    decay = settings.weight_decay or (0.0 if settings.optimizer == "adamw" else None)
    config = {"learning_rate": learning_rate, "weight_decay": decay}
    optimizer = keras.optimizers.get({"class_name": settings.optimizer, "config": config})
    if any(layer.compute_dtype == "float16" for layer in model.layers):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy("accuracy"), keras.metrics.AUC(name="auc")],
        # XLA was slower on CPUs and cannot use cuDNN's fused normalization.
        jit_compile=False,
    )
    # Else its variables come into being within the first step, which is then traced twice.
    model.optimizer.build(model.trainable_variables)


def _fit(fast, data: TrainingData, settings: TrainingSettings, watcher: _Watcher) -> None:
    first = len(watcher.checkpoints.history)
    batches = make_batches(
        data.pixels,
        data.train_rows,
        data.train_labels,
        batch_size=settings.batch_size,
        seed=settings.seed,
        augment=settings.augment,
        shuffle=True,
        first_epoch=first,
        endless=True,
    )
    validation = make_batches(
        data.pixels, data.val_rows, data.val_labels, batch_size=settings.batch_size
    )
    fast.fit(
        batches,
        validation_data=validation,
        steps_per_epoch=count_batches(len(data.train_rows), settings.batch_size),
        initial_epoch=first,
        epochs=watcher.last_epoch,
        verbose=0,
        callbacks=[
            keras.callbacks.TensorBoard(
                str(watcher.checkpoints.folder / "tensorboard"), write_graph=False
            ),
            watcher,
        ],
    )


class _Watcher(keras.callbacks.Callback):
    """Records each epoch, reports progress, and stops on lost patience or a broken loss."""

    def __init__(self, checkpoints, settings, number: int, progress: Progress):
        super().__init__()
        self.checkpoints, self.settings, self.number = checkpoints, settings, number
        self.progress = progress
        self.broken = ""
        phases = settings.plan()
        self.phase = phases[number]
        self.total = sum(phase.epochs for phase in phases)
        self.before = sum(phase.epochs for phase in phases[:number])
        history = checkpoints.history
        earlier = len(history) - len(_rows_of(history, number))
        self.last_epoch = earlier + self.phase.epochs
        self.skipped = self.before - earlier
        self.reported = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.started = epoch + 1, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(float(logs["loss"])):
            self._break_off(f"in batch {batch + 1} of {self.params['steps']}")
        elif time.monotonic() - self.reported > 1:
            self.reported = time.monotonic()
            self._report((batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch, logs=None):
        if not self.broken and not math.isfinite(logs["val_loss"]):
            self._break_off("on the validation faces")
        if self.broken:
            return
        row = {
            "epoch": epoch + 1,
            "phase": self.number + 1,
            "learning_rate": self.phase.learning_rate,
            "seconds": time.perf_counter() - self.started,
            **logs,
        }
        self.checkpoints.save(self.model, row)
        self._report(1.0)
        rows = _rows_of(self.checkpoints.history, self.number)
        if is_over(rows, self.phase.epochs, self.settings.patience):
            self.model.stop_training = True

    def _report(self, share: float) -> None:
        fraction = (self.epoch - 1 + share + self.skipped) / self.total
        self.progress(fraction, f"epoch {self.epoch} of at most {self.total - self.skipped}")

    def _break_off(self, where: str) -> None:
        self.broken = (
            f"Training stopped in epoch {self.epoch}: the loss was not a number {where}. "
            "The best weights before it were kept; a lower learning rate may help."
        )
        self.model.stop_training = True


def _finish(fast, checkpoints, key, notices, precision, resumed_from) -> TrainingResult:
    history = checkpoints.history.reset_index(drop=True)
    if history.empty:
        raise DataError(
            notices[-1].split(" The best weights")[0],
            expected="a loss that is a number",
            fix="lower the learning rate, or set precision to float32",
        )
    best = best_epoch(history)
    fast.set_weights(checkpoints.read_best(best))
    with atomic_path(checkpoints.folder / "model.keras") as temporary:
        plain(fast).save(temporary)
    record = {
        "key": key,
        "best_epoch": best,
        "seconds": float(history["seconds"].sum()),
        "precision": precision,
        "device": describe_device(precision),
        "notices": notices,
    }
    write_json(checkpoints.folder / "training.json", record)
    checkpoints.discard_weights()
    return _result(checkpoints.folder, record, history, resumed_from)


def _read_result(folder: Path, key: str) -> TrainingResult | None:
    path = folder / "training.json"
    if not path.exists() or not (folder / "model.keras").exists():
        return None
    record = read_json(path)
    if record["key"] != key:
        return None
    history = pd.read_csv(folder / "history.csv")
    return _result(folder, record, history, len(history))


def _result(folder: Path, record: dict, history: pd.DataFrame, resumed: int) -> TrainingResult:
    fields = {name: value for name, value in record.items() if name != "key"}
    return TrainingResult(
        model_path=folder / "model.keras", history=history, resumed_from=resumed, **fields
    )


def _key(model: keras.Model, data: TrainingData, settings: TrainingSettings) -> str:
    # Names do not count: Keras numbers those that were not given.
    layers = [(type(layer).__name__, {**layer.get_config(), "name": ""}) for layer in model.layers]
    parts = {
        "keras": keras.__version__,
        "layers": repr(layers),
        "data": data.fingerprint(),
        "settings": asdict(settings),
    }
    return sha256_of(parts)


def _rows_of(history: pd.DataFrame, number: int) -> pd.DataFrame:
    return history[history["phase"] == number + 1]
