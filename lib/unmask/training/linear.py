"""Logistic regression on what a frozen network sees, written into the network's last layer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from ..runs import write_table
from .checkpoints import COLUMNS, Checkpoints, best_epoch
from .fast import plain
from .feature_cache import Block, FeatureCache, network_hash
from .features import head_of, whole_faces
from .memory import batch_notice
from .precision import describe_device
from .results import read_result, training_key, write_result
from .settings import TrainingData, TrainingResult, TrainingSettings

# Tried from the strongest on, each from where the one before ended.
PENALTIES = tuple(float(f"{10**power:.3g}") for power in np.arange(2.0, -5.1, -0.5))
WORSE_IN_A_ROW = 3  # so many without a lower validation loss, and weaker ones are not tried
VALIDATION_COPIES = 4  # at most, of each validation face
STEPS = 300  # of the descent, at most
# Of settings that a linear head has no use for, those that a reader may count on.
UNUSED = {
    "mixup": "mixup",
    "label_smoothing": "label smoothing",
    "adversarial": "adversarial training",
}


def train_head(
    model: keras.Model, data: TrainingData, settings: TrainingSettings, folder: Path, progress
) -> TrainingResult:
    """Fits the last layer of `model` by logistic regression; see `fit.train`.

    What the layers before it give is computed once for every training and validation face, and
    for `settings.copies` augmented copies of each training face (up to four of each validation
    face). Columns are standardised; of a fixed row of L2 penalties the one with the lowest
    validation loss is kept; then all of it is folded into the last layer's kernel and bias.

    Raises:
        DataError: features that are no numbers.
        UsageError: the network does not end in one sigmoid unit.
    """
    if settings.crop:
        model = plain(whole_faces(model, data.pixels.shape[1:]))
    key = training_key(model, data, settings, start=network_hash(model))
    finished = read_result(folder, key)
    if finished:
        return finished
    checkpoints = Checkpoints(folder, key)
    started = time.perf_counter()
    train, val, cache = _features(model, data, settings, folder.parent / "features", progress)
    progress(0.9, "fitting the last layer")
    weights, history = fit_penalties(train, val, progress)
    history.loc[0, "seconds"] += time.perf_counter() - started - history["seconds"].sum()
    write_table(checkpoints.history_path, history)
    saved = plain(model)
    kernel, bias = weights
    head_of(saved).set_weights([kernel[:, None], np.array([bias], dtype=np.float32)])
    record = {
        "key": key,
        "best_epoch": best_epoch(history),
        "seconds": float(history["seconds"].sum()),
        "precision": "float32",
        "device": describe_device("float32"),
        "notices": _notices(settings, cache.batch_size),
        "batch_size": cache.batch_size,
        "batch_size_asked": settings.batch_size,
    }
    result = write_result(folder, saved, history, record, 0)
    checkpoints.discard_weights()
    progress(1.0, "last layer fitted")
    return result


def fit_penalties(
    train: Sequence[Block], val: Sequence[Block], progress=lambda fraction, message: None
) -> tuple[tuple[np.ndarray, float], pd.DataFrame]:
    """Returns the kernel float32 `[d]` and bias of the best penalty, and a row for each tried.

    Args:
        train: blocks of features `[n, d]` and labels `[n]`.
        val: the same, to choose the penalty by.
        progress: told a fraction 0.9 to 1 and a few words.
    """
    regression = Regression(train)
    rows, best, state = [], None, np.zeros(regression.columns + 1)
    for number, penalty in enumerate(PENALTIES, start=1):
        started = time.perf_counter()
        state = regression.fit(penalty, state)
        weights = regression.folded(state)
        row = {"epoch": number, "phase": 1, **_measures(train, weights, "")}
        row |= {**_measures(val, weights, "val_"), "learning_rate": 0.0}
        row |= {"seconds": time.perf_counter() - started, "penalty": penalty}
        rows.append(row)
        lowest = int(np.argmin([each["val_loss"] for each in rows]))
        if lowest == number - 1:
            best = weights
        elif number - 1 - lowest >= WORSE_IN_A_ROW:
            break
        progress(0.9 + 0.1 * number / len(PENALTIES), f"penalty {number} of {len(PENALTIES)}")
    return best, pd.DataFrame(rows, columns=[*COLUMNS, "penalty"])


class Regression:
    """L2 logistic regression on standardised columns of blocks too large to hold twice.

    The blocks stay as they are, usually on disk: standardisation is folded into every product.
    """

    def __init__(self, blocks: Sequence[Block]):
        """Takes features `[n, d]` and labels `[n]`; a constant column will weigh nothing."""
        self.blocks = blocks
        self.count = sum(len(labels) for _, labels in blocks)
        self.columns = blocks[0][0].shape[1]
        total = sum(features.sum(axis=0, dtype=np.float64) for features, _ in blocks)
        self.mean = total / self.count
        squares = sum(
            np.square(features - self.mean).sum(axis=0, dtype=np.float64) for features, _ in blocks
        )
        deviation = np.sqrt(squares / self.count)
        constant = deviation <= 1e-6 * np.maximum(np.abs(self.mean), 1e-6)
        self.inverse = np.where(constant, 0.0, 1.0 / np.where(constant, 1.0, deviation))

    def fit(self, penalty: float, start: np.ndarray) -> np.ndarray:
        """Returns weights and bias `[d + 1]` of the lowest mean loss + penalty / 2 * |weights|^2.

        Found by L-BFGS (Liu and Nocedal, 1989) from `start` on.
        """
        options = {"maxiter": STEPS, "ftol": 1e-9, "gtol": 1e-5}
        found = minimize(
            self._loss, start, args=(penalty,), jac=True, method="L-BFGS-B", options=options
        )
        return found.x

    def folded(self, state: np.ndarray) -> tuple[np.ndarray, float]:
        """Returns kernel float32 `[d]` and bias that do the same to columns as they are."""
        kernel = (state[:-1] * self.inverse).astype(np.float32)
        return kernel, float(state[-1] - self.mean @ kernel.astype(np.float64))

    def _loss(self, state: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
        kernel, bias = self.folded(state)
        loss, residuals = 0.0, 0.0
        slope = np.zeros(self.columns)
        for features, labels in self.blocks:
            logits = (features @ kernel).astype(np.float64) + bias
            loss += float(np.logaddexp(0.0, np.where(labels == 1, -logits, logits)).sum())
            residual = expit(logits) - labels
            slope += residual.astype(np.float32) @ features
            residuals += float(residual.sum())
        weights = state[:-1]
        slope = self.inverse * (slope - self.mean * residuals) / self.count + penalty * weights
        value = loss / self.count + 0.5 * penalty * float(weights @ weights)
        return value, np.append(slope, residuals / self.count)


def _features(model, data, settings, folder, progress):
    copies = {"train": settings.copies, "val": min(settings.copies, VALIDATION_COPIES)}
    done, reported = 0, 0.0

    def count(faces: int) -> None:
        nonlocal done, reported
        done += faces
        if time.monotonic() - reported > 1:
            reported = time.monotonic()
            progress(0.9 * min(1.0, done / total), f"features of {done} of {total} faces")

    cache = FeatureCache(model, data, settings, folder, count)
    total = max(1, sum(cache.missing(part, most) for part, most in copies.items()))
    train, val = (
        [block for copy in range(most + 1) for block in cache.blocks(part, copy)]
        for part, most in copies.items()
    )
    return train, val, cache


def _measures(blocks: Sequence[Block], weights, prefix: str) -> dict[str, float]:
    kernel, bias = weights
    logits = np.concatenate([(features @ kernel).astype(np.float64) for features, _ in blocks])
    logits += bias
    labels = np.concatenate([labels for _, labels in blocks])
    return {
        f"{prefix}loss": float(np.logaddexp(0.0, np.where(labels == 1, -logits, logits)).mean()),
        f"{prefix}accuracy": float(((logits > 0) == (labels == 1)).mean()),
        f"{prefix}auc": float(roc_auc_score(labels, logits)),
    }


def _notices(settings: TrainingSettings, used: int) -> list[str]:
    unused = [words for name, words in UNUSED.items() if getattr(settings, name)]
    notices = []
    if unused:
        notices.append(
            f"Only the last layer was fitted, by logistic regression: {' and '.join(unused)} "
            "had no part in it."
        )
    if used < settings.batch_size:
        notices.append(batch_notice(settings.batch_size, used))
    return notices
