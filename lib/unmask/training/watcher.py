"""What happens at the end of each batch and each epoch of a training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import keras
import numpy as np
import pandas as pd

from .checkpoints import Checkpoints, is_over
from .settings import TrainingSettings
from .snapshots import cycle_ends, save_snapshot

# Batches between two looks at all weights, which a copy from the device costs.
WEIGHTS_EVERY = 100
Progress = Callable[[float, str], None]


def rows_of(history: pd.DataFrame, number: int) -> pd.DataFrame:
    """Returns the rows of phase `number`, counted from 0."""
    return history[history["phase"] == number + 1]


def phase_is_over(history: pd.DataFrame, number: int, settings: TrainingSettings) -> bool:
    """Tells whether phase `number` has used up its epochs or its patience."""
    epochs = settings.plan()[number].epochs
    # The other schedules do their best at their end, so that stopping early would spoil them.
    patience = settings.patience if settings.schedule == "constant" else epochs
    return is_over(rows_of(history, number), epochs, patience)


class Watcher(keras.callbacks.Callback):
    """Records each epoch, reports progress, and stops on lost patience or a broken loss."""

    def __init__(
        self, checkpoints: Checkpoints, settings: TrainingSettings, number: int, progress: Progress
    ):
        """Watches phase `number`, counted from 0."""
        super().__init__()
        self.checkpoints, self.settings, self.number = checkpoints, settings, number
        self.progress = progress
        self.broken = ""
        phases = settings.plan()
        self.phase = phases[number]
        self.total = sum(phase.epochs for phase in phases)
        self.before = sum(phase.epochs for phase in phases[:number])
        history = checkpoints.history
        earlier = len(history) - len(rows_of(history, number))
        self.last_epoch = earlier + self.phase.epochs
        self.skipped = self.before - earlier
        self.reported = 0.0
        last = number == len(phases) - 1
        with_snapshots = last and settings.schedule == "snapshots"
        ends = cycle_ends(self.phase.epochs) if with_snapshots else ()
        self.lows = {earlier + end: place for place, end in enumerate(ends, start=1)}

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.started, self.sound = epoch + 1, time.perf_counter(), 0
        if hasattr(self.model, "set_epoch"):
            self.model.set_epoch(epoch)

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(float(logs["loss"])):
            place = f"in batch {batch + 1} of {self.params['steps']}"
            self._break_off(f"the loss was not a number {place}")
        elif (batch + 1) % WEIGHTS_EVERY == 0:
            self._check_weights(batch + 1)
        elif time.monotonic() - self.reported > 1:
            self.reported = time.monotonic()
            self._report((batch + 1) / self.params["steps"])

    def on_epoch_end(self, epoch, logs=None):
        if not self.broken and not math.isfinite(logs["val_loss"]):
            self._break_off("the loss was not a number on the validation faces")
        if not self.broken:
            self._check_weights(self.params["steps"])
        if self.broken:
            return
        row = {
            "epoch": epoch + 1,
            "phase": self.number + 1,
            "learning_rate": self._learning_rate(),
            "seconds": time.perf_counter() - self.started,
            **logs,
        }
        if epoch + 1 in self.lows:
            save_snapshot(self.checkpoints.folder, self.lows[epoch + 1], self.model)
        self.checkpoints.save(self.model, row)
        self._report(1.0)
        if phase_is_over(self.checkpoints.history, self.number, self.settings):
            self.model.stop_training = True

    def _check_weights(self, batches: int) -> None:
        """Breaks off when weights are no numbers after so many batches of the epoch."""
        # A ReLU makes nothing of what is not a number, so that the loss need not show it.
        if all(np.isfinite(weight).all() for weight in self.model.get_weights()):
            self.sound = batches
            return
        first, steps = min(self.sound + 1, batches), self.params["steps"]
        place = f"batches {first} to {batches}" if first < batches else f"batch {batches}"
        self._break_off(f"weights became other than numbers in {place} of {steps}")

    def _learning_rate(self) -> float:
        """Returns the rate of the epoch's last step."""
        if self.settings.schedule == "constant":
            return self.phase.learning_rate
        optimizer = self.model.optimizer
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        return float(inner._learning_rate(max(0, int(optimizer.iterations.numpy()) - 1)))

    def _report(self, share: float) -> None:
        fraction = (self.epoch - 1 + share + self.skipped) / self.total
        self.progress(fraction, f"epoch {self.epoch} of at most {self.total - self.skipped}")

    def _break_off(self, what: str) -> None:
        kept = "The best weights before it were kept"
        if self.checkpoints.history.empty:
            kept = "No epoch had ended, so there are no weights worth keeping"
        self.broken = (
            f"Training stopped in epoch {self.epoch}: {what}. "
            f"{kept}; a lower learning rate may help."
        )
        self.model.stop_training = True


class WholeFaces(keras.callbacks.Callback):
    """Validates by another network that shares the weights of the one trained.

    A network for crops by how it scores whole faces, one that several devices train on one of
    them. Comes before what reads the results.
    """

    def __init__(self, whole: keras.Model, validation):
        """Takes the compiled network for whole faces, and batches of them."""
        super().__init__()
        self.whole, self.validation = whole, validation

    def on_epoch_end(self, epoch, logs=None):
        found = self.whole.evaluate(self.validation, verbose=0, return_dict=True)
        logs.update({f"val_{name}": value for name, value in found.items()})
