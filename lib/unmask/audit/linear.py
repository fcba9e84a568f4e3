"""Logistic regression on a table of numbers: fit, score, save."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from .. import runs

MOST_STEPS = 60
CHUNK = 2048


@dataclass(frozen=True)
class LinearModel:
    """A fitted logistic regression: P(fake) = sigmoid((x - mean) / scale @ weights + intercept).

    Attributes:
        mean, scale, weights: float32 `[columns]`.
        intercept: a number.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    intercept: float

    def score(self, features: np.ndarray) -> np.ndarray:
        """Returns P(fake) of each row of `features` `[n, columns]`, float64 `[n]`."""
        parts = [self._decide(part) for part in _chunks(features)]
        return expit(np.concatenate(parts)) if parts else np.empty(0)

    def save(self, path: Path) -> None:
        """Writes the numbers as .npz, atomically."""
        arrays = {"mean": self.mean, "scale": self.scale, "weights": self.weights}
        with runs.atomic_path(path) as temporary:
            np.savez(temporary, intercept=np.float64(self.intercept), **arrays)

    def _decide(self, part: np.ndarray) -> np.ndarray:
        scaled = (part.astype(np.float32) - self.mean) / self.scale
        return scaled.astype(np.float64) @ self.weights.astype(np.float64) + self.intercept


def fit_linear(
    features: np.ndarray, labels: np.ndarray, *, strength: float, scaling: str
) -> LinearModel:
    """Fits L2-regularised logistic regression.

    Args:
        features: `[n, columns]`.
        labels: `[n]`, 0 real and 1 fake, both present.
        strength: inverse of the regularisation (scikit-learn's C).
        scaling: "each": every column gets spread 1; "together": the columns keep their
            proportions and get mean spread 1, as fits columns of one kind (pixels, shares).
    """
    features = features.astype(np.float32)
    mean = features.mean(axis=0)
    spread = features.std(axis=0)
    if scaling == "together":
        spread = np.full_like(spread, spread.mean())
    spread[spread < 1e-6] = 1.0
    scaled = (features - mean) / spread
    model = LogisticRegression(C=strength, max_iter=MOST_STEPS)
    # Two threads take many times as long as one: the steps are short, and they wait for each other.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close is good enough for a floor
        model.fit(scaled, labels)
    weights = model.coef_[0].astype(np.float32)
    return LinearModel(mean, spread, weights, float(model.intercept_[0]))


def _chunks(features: np.ndarray) -> Iterator[np.ndarray]:
    return (features[start : start + CHUNK] for start in range(0, len(features), CHUNK))
