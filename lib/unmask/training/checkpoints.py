"""What a training leaves on disk after each epoch, so that it can be killed at any moment.

`keras.callbacks.BackupAndRestore` overwrites its weights in place and keeps the epoch in a second
file: a kill between or within the two loses the backup or repeats an epoch. Here every file
appears whole, by renaming, and carries its epoch in its name. An epoch ends in this order:
the best weights (when they are), its row of history.csv, its last weights, then what became
obsolete is removed. So whatever weights are found, the history up to them is there, and the best
weights of that history are too.
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd

from ..runs import atomic_path, read_json, write_json, write_table
from .devices import Scale

COLUMNS = [
    "epoch",
    "phase",
    "loss",
    "accuracy",
    "auc",
    "val_loss",
    "val_accuracy",
    "val_auc",
    "learning_rate",
    "seconds",
]
# What HDF5, zip and pandas raise on damaged files.
DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile)


def best_epoch(history: pd.DataFrame) -> int:
    """Returns the first epoch of the lowest validation loss, 0 for an empty history."""
    if history.empty:
        return 0
    return int(history["epoch"].iloc[int(np.argmin(history["val_loss"]))])


def is_over(history: pd.DataFrame, epochs: int, patience: int) -> bool:
    """Tells from its rows whether a phase has used up its epochs or its patience."""
    if history.empty:
        return False
    since_best = int(history["epoch"].iloc[-1]) - best_epoch(history)
    return len(history) >= epochs or since_best >= patience


class Checkpoints:
    """The files of one training in its folder: its key, history, last and best weights."""

    def __init__(self, folder: Path, key: str):
        """Opens the folder; files of a training with another key are removed."""
        self.folder = folder
        self.weights = folder / "checkpoints"
        self.history_path = folder / "history.csv"
        self.key_path = self.weights / "key.json"
        self.batch_path = self.weights / "batch_size.json"
        self.scale_path = self.weights / "scale.json"
        self.history = pd.DataFrame(columns=COLUMNS)
        if not self.key_path.exists() or read_json(self.key_path) != key:
            self.discard()
            write_json(self.key_path, key)

    def restore(self, notices: list[str]) -> int:
        """Reads the history up to the last good epoch; returns that epoch, 0 for none.

        Damaged files cost the epochs trained so far, and say so in `notices`.
        """
        found = sorted(self.weights.glob("last_*.weights.h5"))
        if not found:
            return 0
        epoch = _epoch_of(found[-1])
        try:
            history = pd.read_csv(self.history_path)
            history = history[history["epoch"] <= epoch]
            if list(history["epoch"]) != list(range(1, epoch + 1)):
                raise ValueError("history.csv has gaps")
            with h5py.File(found[-1]) as stream:
                stream.visit(lambda name: None)
            self.read_best(best_epoch(history))
        except DAMAGE as error:
            return self._start_afresh(notices, error)
        self.history = history
        return epoch

    @property
    def batch_size(self) -> int:
        """Pictures a step since memory last failed to suffice, 0 before any training."""
        return read_json(self.batch_path) if self.batch_path.exists() else 0

    @batch_size.setter
    def batch_size(self, value: int) -> None:
        if value != self.batch_size:
            write_json(self.batch_path, value)

    @property
    def scale(self) -> Scale | None:
        """What this training made of its batch and rate when it began, None before it does."""
        return Scale(**read_json(self.scale_path)) if self.scale_path.exists() else None

    @scale.setter
    def scale(self, value: Scale) -> None:
        write_json(self.scale_path, asdict(value))

    def load_last(self, model: keras.Model, epoch: int) -> None:
        """Puts weights and optimizer after `epoch` into `model`, whose optimizer is built."""
        model.load_weights(self._last(epoch))

    def read_best(self, epoch: int) -> list[np.ndarray]:
        """Returns the weights of `epoch`, as `Model.get_weights` orders them."""
        with np.load(self._best(epoch)) as arrays:
            return [arrays[name] for name in arrays.files]

    def save(self, model: keras.Model, row: dict) -> None:
        """Writes what the epoch of `row` leaves."""
        epoch = row["epoch"]
        added = pd.DataFrame([row], columns=COLUMNS)
        self.history = added if self.history.empty else pd.concat([self.history, added])
        best = best_epoch(self.history)
        if best == epoch:
            with atomic_path(self._best(epoch)) as temporary:
                np.savez(temporary, *model.get_weights())
        write_table(self.history_path, self.history)
        last = self._last(epoch)
        # Keras wants the double ending, which `atomic_path` would not keep.
        temporary = last.with_name("partial.weights.h5")
        model.save_weights(temporary)
        temporary.replace(last)
        kept = {last, self._best(best), self.key_path, self.batch_path, self.scale_path}
        for path in self.weights.iterdir():
            if path not in kept:
                path.unlink()

    def discard(self) -> None:
        """Removes every file of a training from the folder."""
        for name in ("checkpoints", "tensorboard", "snapshots"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for name in ("history.csv", "model.keras", "training.json"):
            (self.folder / name).unlink(missing_ok=True)

    def discard_weights(self) -> None:
        """Removes the weights of a training whose model is saved."""
        shutil.rmtree(self.weights, ignore_errors=True)

    def _start_afresh(self, notices: list[str], error: Exception) -> int:
        key = read_json(self.key_path)
        self.discard()
        write_json(self.key_path, key)
        self.history = pd.DataFrame(columns=COLUMNS)
        notices.append(
            f"The training in {self.folder.name} began again from its start: what an interrupted "
            f"run had left was damaged ({type(error).__name__})."
        )
        return 0

    def _last(self, epoch: int) -> Path:
        return self.weights / f"last_{epoch:05d}.weights.h5"

    def _best(self, epoch: int) -> Path:
        return self.weights / f"best_{epoch:05d}.npz"


def _epoch_of(path: Path) -> int:
    return int(path.name.split("_")[1].split(".")[0])
