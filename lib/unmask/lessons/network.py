"""The one network of a lesson: trained once, its scores remembered after every epoch."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from ..detectors import build_from_choices
from ..evaluation.metrics import compute_metrics
from ..runs import report_progress, write_table
from ..training.batches import count_batches, make_batches
from ..training.fast import accelerate, fit_momentum
from ..training.fit import compile_for_training
from ..training.member import training_data
from ..training.precision import choose_precision
from ..training.predict import Scorer
from ..training.settings import TrainingSettings
from .trained import Trained

SCORED_AT_ONCE = 64
WATCHED = ("val", "test")


def train_once(
    pixels: np.ndarray,
    faces: pd.DataFrame,
    settings: TrainingSettings,
    folder: str | Path,
    blocks: tuple[int, ...] = (8, 16),
) -> Trained:
    """Trains a small network for a fixed number of epochs and scores val and test after each.

    That is what nobody should do with test, so that the lesson can show what comes of it. The
    network is `detectors.build_from_choices` with few filters and a flattened head, which learns
    its training faces by heart soon.

    Args:
        pixels: uint8 `[N, side, side, 3]`.
        faces: the faces table.
        settings: epochs, batch size, learning rate, seed, precision; its patience is not used.
        folder: gets scores.parquet (the chosen epoch) and epochs.csv.
        blocks: filters of each block.

    Raises:
        DataError: train or val lacks a class.
    """
    data = training_data(pixels, faces)
    keras.utils.set_random_seed(settings.seed)
    model = build_from_choices(tuple(pixels.shape[1:]), blocks=blocks, name="lesson")
    fast = accelerate(model, choose_precision(settings.precision))
    steps = count_batches(len(data.train_rows), settings.batch_size)
    fit_momentum(fast, steps)
    compile_for_training(fast, settings, settings.learning_rate)
    watcher = _Watcher(pixels, faces, settings.epochs)
    batches = make_batches(
        pixels,
        data.train_rows,
        data.train_labels,
        batch_size=settings.batch_size,
        seed=settings.seed,
        shuffle=True,
        endless=True,
    )
    fast.fit(
        batches,
        steps_per_epoch=steps,
        epochs=settings.epochs,
        verbose=0,
        callbacks=[watcher],
    )
    trained = watcher.finish(fast)
    write_table(Path(folder) / "scores.parquet", trained.scores)
    write_table(Path(folder) / "epochs.csv", trained.epochs)
    return trained


class _Watcher(keras.callbacks.Callback):
    """Scores val and test after each epoch and keeps the weights that validation likes best."""

    def __init__(self, pixels: np.ndarray, faces: pd.DataFrame, epochs: int):
        super().__init__()
        self.pixels, self.faces, self.count = pixels, faces, epochs
        self.watched = faces[faces["split"].isin(WATCHED)]
        self.tables: list[pd.DataFrame] = []
        self.rows: list[dict[str, float]] = []
        self.best: list[np.ndarray] = []
        self.score: Scorer | None = None

    def on_epoch_end(self, epoch, logs=None):
        if self.score is None:
            self.score = _scorer_of(self.model)
        table = _scored(self.watched, self.pixels, self.score).assign(epoch=epoch + 1)
        areas = {
            f"{split}_auc": compute_metrics(part["label"], part["score"], 0.5)["auc"]
            for split, part in ((name, table[table["split"] == name]) for name in WATCHED)
        }
        if not self.rows or areas["val_auc"] > max(row["val_auc"] for row in self.rows):
            self.best = self.model.get_weights()
        self.tables.append(table[["face_id", "split", "label", "score", "epoch"]])
        self.rows.append({"epoch": epoch + 1, **areas})
        report_progress((epoch + 1) / self.count, f"epoch {epoch + 1} of {self.count}")

    def finish(self, model: keras.Model) -> Trained:
        """Returns everything, with the network at its chosen epoch."""
        model.set_weights(self.best)
        known = self.faces[self.faces["split"].isin(("train", *WATCHED))]
        epochs = pd.DataFrame(self.rows)
        return Trained(
            scores=_scored(known, self.pixels, self.score),
            epochs=epochs,
            by_epoch=pd.concat(self.tables, ignore_index=True),
            chosen=int(epochs["epoch"].iloc[int(epochs["val_auc"].argmax())]),
        )


def _scorer_of(model: keras.Model) -> Scorer:
    """Returns scores by the weights that `model` has when it is called."""
    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)

    @tf.function(input_signature=[signature], autograph=False)
    def forward(pictures):
        return model(pictures, training=False)

    return lambda pictures: forward(pictures).numpy()[:, 0].astype(np.float64)


def _scored(faces: pd.DataFrame, pixels: np.ndarray, score: Scorer) -> pd.DataFrame:
    rows = faces["row"].to_numpy()
    starts = range(0, len(rows), SCORED_AT_ONCE)
    parts = [score(np.asarray(pixels[rows[start : start + SCORED_AT_ONCE]])) for start in starts]
    return faces.assign(score=np.concatenate(parts))
