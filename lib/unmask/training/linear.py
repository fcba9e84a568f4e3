"""Logistic regression on what a frozen network sees, written into the network's last layer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

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
PENALTIES = (10.0, 1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5)
BETWEEN = (10**0.5, 10**-0.5)
WORSE_IN_A_ROW = 2  # so many without a lower validation loss, and weaker ones are not tried
VALIDATION_COPIES = 4  # at most, of each validation face
STEPS = 100  # of a descent, at most; they go on from each other
# With more columns than faces, and at most so many faces, the fit is one in as few numbers.
MOST_IN_SPAN = 4096
COLUMNS_AT_ONCE = 2048
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
    face). See `fit_penalties` for what is fitted; it is folded into the last layer's kernel and
    bias, so that the saved network needs nothing else.

    Raises:
        DataError: features that are no numbers.
        UsageError: the network does not end in one sigmoid unit.
    """
    if settings.crop:
        model = plain(whole_faces(model, data.pixels.shape[1:]))
    key = training_key(model, data, settings, start=_start(model, settings))
    finished = read_result(folder, key)
    if finished:
        return finished
    checkpoints = Checkpoints(folder, key)
    started = time.perf_counter()
    train, val, cache = _features(model, data, settings, folder.parent / "features", progress)
    progress(0.9, "fitting the last layer")
    weights, history = fit_penalties(train, val, progress)
    # Features count for each training that uses them, as each would take them alone.
    features = time.perf_counter() - started - history["seconds"].sum() + cache.seconds_found
    history.loc[0, "seconds"] += features
    write_table(checkpoints.history_path, history)
    saved = plain(model)
    kernel, bias = weights
    head_of(saved).set_weights([kernel[:, None], np.array([bias], dtype=np.float32)])
    record = {
        "key": key,
        "best_epoch": best_epoch(history),
        "seconds": float(history["seconds"].sum()),
        "precision": "float32",
        "device": describe_device("float32", 1),
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
    """Returns the kernel float32 `[d]` and bias with the lowest validation loss, and all tried.

    Columns are centred and divided by one number, their mean spread: columns that hardly vary
    then weigh little. L2 penalties are tried from strong to weak until validation loss has risen
    twice; those within a tenth and ten times of the best are tried with each column divided by
    its own spread as well, which suits columns of different kinds; and two more lie half-way
    (in powers of ten) on either side of the best.

    Args:
        train: blocks of features `[n, d]` and labels `[n]`.
        val: the same, to choose by.
        progress: told a fraction 0.9 to 1 and a few words.

    Returns:
        The weights; and a row for each fit, with the columns of a history and penalty, scaling.
    """
    moments = Moments.of(train)
    search = _Search(train, val, progress)
    together = Regression(train, moments, "together")
    for number, penalty in enumerate(PENALTIES):
        search.fit(together, penalty)
        if number - int(np.argmin(search.losses)) >= WORSE_IN_A_ROW:
            break
    best = int(np.argmin(search.losses))
    each = Regression(train, moments, "each")
    for penalty in PENALTIES[max(0, best - 1) : best + 2]:
        search.fit(each, penalty)
    chosen = search.rows[int(np.argmin(search.losses))]
    for factor in BETWEEN:
        regression = together if chosen["scaling"] == "together" else each
        search.fit(regression, float(f"{chosen['penalty'] * factor:.3g}"))
    return search.best, pd.DataFrame(search.rows, columns=[*COLUMNS, "penalty", "scaling"])


class _Search:
    """The fits so far, and the weights of the best of them."""

    def __init__(self, train: Sequence[Block], val: Sequence[Block], progress):
        self.train, self.val, self.progress = train, val, progress
        self.rows: list[dict] = []
        self.losses: list[float] = []
        self.best: tuple[np.ndarray, float] = (np.zeros(0), 0.0)

    def fit(self, regression: Regression, penalty: float) -> None:
        """Fits one penalty, from where `regression` last ended."""
        started = time.perf_counter()
        weights = regression.fit(penalty)
        measures = _measures(self.train, weights, "") | _measures(self.val, weights, "val_")
        if not self.losses or measures["val_loss"] < min(self.losses):
            self.best = weights
        self.losses.append(measures["val_loss"])
        number = len(self.losses)
        row = {"epoch": number, "phase": 1, **measures, "learning_rate": 0.0}
        row |= {"seconds": time.perf_counter() - started}
        self.rows.append(row | {"penalty": penalty, "scaling": regression.scaling})
        most = len(PENALTIES) + 3 + len(BETWEEN)
        self.progress(0.9 + 0.1 * number / most, f"regression {number} of at most {most}")


@dataclass(frozen=True)
class Moments:
    """Mean and spread (standard deviation) of each column, float64 `[d]`."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, blocks: Sequence[Block]) -> Moments:
        """Returns those of all blocks together."""
        count = sum(len(labels) for _, labels in blocks)
        mean = sum(features.sum(axis=0, dtype=np.float64) for features, _ in blocks) / count
        squares = np.zeros(len(mean))
        for features, _ in blocks:
            centred = features - mean.astype(np.float32)
            squares += np.einsum("nd,nd->d", centred, centred)
        return cls(mean, np.sqrt(squares / count))


class Regression:
    """L2 logistic regression on centred and scaled columns of blocks too large to hold twice.

    The blocks stay as they are, usually on disk: the scaling is folded into every product.
    """

    def __init__(self, blocks: Sequence[Block], moments: Moments, scaling: str):
        """Takes features `[n, d]` and labels `[n]`; a constant column will weigh nothing.

        `scaling` is "together" (by the mean spread) or "each" (by its own).
        """
        self.blocks, self.scaling, self.mean = blocks, scaling, moments.mean
        self.count = sum(len(labels) for _, labels in blocks)
        spread = moments.spread
        varies = spread > 1e-6 * np.maximum(np.abs(self.mean), 1e-6)
        unit = spread[varies].mean() if scaling == "together" and varies.any() else spread
        self.inverse = np.where(varies, 1.0, 0.0) / np.where(varies, unit, 1.0)
        short = self.count <= min(MOST_IN_SPAN, len(spread) - 1)
        self.span = Span.of(blocks, self.mean, self.inverse) if short else None
        self.state = np.zeros((self.span.rows.shape[1] if self.span else len(spread)) + 1)

    def fit(self, penalty: float) -> tuple[np.ndarray, float]:
        """Returns kernel and bias (see `folded`) of the lowest mean loss + penalty / 2 |w|^2.

        w are the weights of the scaled columns. Found by L-BFGS (Liu and Nocedal, 1989) from
        where the last fit ended.
        """
        options = {"maxiter": STEPS, "ftol": 1e-7, "gtol": 1e-6}
        # Products with a vector are bound by memory; on a busy machine more threads than one
        # wait for each other and take ten times as long.
        with threadpool_limits(1, "blas"):
            found = minimize(
                self.loss, self.state, args=(penalty,), jac=True, method="L-BFGS-B", options=options
            )
        self.state = found.x
        return self.folded(self.state)

    def folded(self, state: np.ndarray) -> tuple[np.ndarray, float]:
        """Returns kernel float32 `[d]` and bias that do the same to columns as they are."""
        weights = self.span.to_columns(state[:-1]) if self.span else state[:-1]
        kernel = (weights * self.inverse).astype(np.float32)
        return kernel, float(state[-1] - self.mean @ kernel.astype(np.float64))

    def loss(self, state: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
        """Returns the value of weights and bias, and its slope.

        The weights are those of the scaled columns, or of the rows of `span` where there is one:
        both have the same length, so the penalty is the same.
        """
        weights = state[:-1]
        total, slope, residuals = self._in_span(state) if self.span else self._in_columns(state)
        slope = slope / self.count + penalty * weights
        value = total / self.count + 0.5 * penalty * float(weights @ weights)
        return value, np.append(slope, residuals / self.count)

    def _in_span(self, state: np.ndarray) -> tuple[float, np.ndarray, float]:
        logits = self.span.rows @ state[:-1] + state[-1]
        total, residual = _loss_of(logits, self.span.labels)
        return total, residual @ self.span.rows, float(residual.sum())

    def _in_columns(self, state: np.ndarray) -> tuple[float, np.ndarray, float]:
        kernel, bias = self.folded(state)
        total, residuals, slope = 0.0, 0.0, np.zeros(len(self.mean))
        for features, labels in self.blocks:
            logits = (features @ kernel).astype(np.float64) + bias
            loss, residual = _loss_of(logits, labels)
            total += loss
            slope += residual.astype(np.float32) @ features
            residuals += float(residual.sum())
        return total, self.inverse * (slope - self.mean * residuals), residuals


@dataclass(frozen=True)
class Span:
    """Faces in as many coordinates as there are faces, in place of many more columns.

    What a penalty on the length of the weights leaves of them lies in the span of the faces
    (the representer theorem), so a fit in orthonormal coordinates of that span is the same fit.

    Attributes:
        rows: float64 `[n, r]`, the centred and scaled faces.
        labels: `[n]`.
        back: float64 `[n, r]`; weights of the columns are faces weighted by `back @ weights`.
        blocks, mean, inverse: of the columns, and how they are centred and scaled.
    """

    rows: np.ndarray
    labels: np.ndarray
    back: np.ndarray
    blocks: Sequence[Block]
    mean: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, blocks: Sequence[Block], mean: np.ndarray, inverse: np.ndarray) -> Span:
        """Returns that of features `[n, d]` in blocks, centred by `mean`, scaled by `inverse`."""
        labels = np.concatenate([labels for _, labels in blocks])
        products = np.zeros((len(labels), len(labels)))
        for start in range(0, len(mean), COLUMNS_AT_ONCE):
            part = slice(start, start + COLUMNS_AT_ONCE)
            scaled = np.concatenate([features[:, part] - mean[part] for features, _ in blocks])
            scaled *= inverse[part]
            products += scaled @ scaled.T
        values, vectors = np.linalg.eigh(products)
        kept = values > 1e-12 * values[-1]
        roots, vectors = np.sqrt(values[kept]), vectors[:, kept]
        return cls(vectors * roots, labels, vectors / roots, blocks, mean, inverse)

    def to_columns(self, weights: np.ndarray) -> np.ndarray:
        """Returns the weights `[d]` of the scaled columns for those of the coordinates `[r]`."""
        of_faces = self.back @ weights
        total, first = np.zeros(len(self.mean)), 0
        for features, labels in self.blocks:
            total += of_faces[first : first + len(labels)] @ features
            first += len(labels)
        return self.inverse * (total - self.mean * of_faces.sum())


def _loss_of(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the summed cross-entropy, and its slope by each logit."""
    total = np.logaddexp(0.0, np.where(labels == 1, -logits, logits)).sum()
    return float(total), expit(logits) - labels


def _start(model: keras.Model, settings: TrainingSettings) -> str:
    start = network_hash(model)
    # Trainings of an earlier version drew the same for every seed: they are not of these settings.
    drawn = settings.copies or settings.fakes == "self_blended"
    return f"{start}, drawn by seed" if drawn else start


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
