"""Scores that mean what they say: temperature or isotonic, fitted on validation only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from ..errors import DataError
from .ranking import BINS, bin_numbers, checked
from .rates import wilson
from .scores import select_scores

EDGE = 2.0**-53  # the logit of a score beyond this is not finite
SLOPES = (0.01, 100.0)
METHODS = {"temperature": "calibrated", "isotonic": "isotonic"}  # and their columns


@dataclass(frozen=True)
class Calibration:
    """P(fake) = sigmoid(a * logit(score) + b): 1 / a is a temperature, b moves the middle.

    `a` is positive, so the order of scores, and with it the AUC, stays as it was.
    """

    a: float
    b: float

    def apply(self, scores: Sequence[float]) -> np.ndarray:
        """Returns calibrated probabilities, float64 of the shape of `scores`."""
        return expit(self.a * clipped_logit(scores) + self.b)


@dataclass(frozen=True)
class IsotonicCalibration:
    """P(fake) as a function of the score that never falls: straight lines between its corners.

    Faces on a level stretch get equal probabilities, so the AUC may change a little.

    Attributes:
        scores: float64 [corners], rising.
        chances: float64 [corners], never falling, inside 0 to 1.
    """

    scores: np.ndarray
    chances: np.ndarray

    def apply(self, scores: Sequence[float]) -> np.ndarray:
        """Returns calibrated probabilities, float64 of the shape of `scores`."""
        return np.interp(np.asarray(scores, dtype=np.float64), self.scores, self.chances)


def clipped_logit(scores: Sequence[float], edge: float = EDGE) -> np.ndarray:
    """Returns log(p / (1 - p)) in float64, with scores kept `edge` away from 0 and 1."""
    return logit(np.clip(np.asarray(scores, dtype=np.float64), edge, 1 - edge))


def fit_calibration(labels: Sequence[int], scores: Sequence[float]) -> Calibration:
    """Returns the calibration with the least log loss on n validation faces.

    Temperature scaling (Guo et al. 2017, ICML) with a bias, which is Platt's method (1999) on the
    logit. Platt's targets, (fakes + 1) / (fakes + 2) and 1 / (reals + 2), keep the answer finite
    when validation is separated without an error.

    Raises:
        DataError: a class is missing, or see `rank`.
    """
    labels, scores = checked(labels, scores)
    targets = _targets(labels)
    logits = clipped_logit(scores)

    def loss_and_slope(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        moved = parameters[0] * logits + parameters[1]
        loss = np.mean(np.logaddexp(0.0, moved) - targets * moved)
        error = expit(moved) - targets
        return loss, np.array([np.mean(error * logits), np.mean(error)])

    found = minimize(
        loss_and_slope,
        x0=np.array([1.0, 0.0]),
        jac=True,
        bounds=[SLOPES, (None, None)],
        method="L-BFGS-B",
        options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000},
    )
    return Calibration(float(found.x[0]), float(found.x[1]))


def fit_isotonic(labels: Sequence[int], scores: Sequence[float]) -> IsotonicCalibration:
    """Returns the isotonic calibration with the least squared error on n validation faces.

    Pool-adjacent-violators (Zadrozny & Elkan 2002, KDD), on the targets of `fit_calibration`, so
    that no probability is exactly 0 or 1. Equal scores count as one point.

    Raises:
        DataError: a class is missing, or see `rank`.
    """
    labels, scores = checked(labels, scores)
    fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, _targets(labels))
    corners = np.asarray(fitted.X_thresholds_), np.asarray(fitted.y_thresholds_)
    return IsotonicCalibration(*(corner.astype(np.float64) for corner in corners))


def _targets(labels: np.ndarray) -> np.ndarray:
    """Returns Platt's targets, float64 [n]: not quite 0 and 1, the less so the fewer faces.

    Raises:
        DataError: a class is missing.
    """
    fakes = int(labels.sum())
    reals = len(labels) - fakes
    if not fakes or not reals:
        raise DataError(
            f"Calibration needs both classes, validation has {reals} real and {fakes} fake faces.",
            fix="add faces of the other class to the validation split",
        )
    return np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))


def add_calibrated(scores: pd.DataFrame) -> pd.DataFrame:
    """Returns a scores table with `calibrated` (temperature with a bias) and `isotonic`.

    Both are fitted for each seed on its `val` rows only.

    Raises:
        DataError: a seed has no validation rows, or see `fit_calibration`.
    """
    seeds = scores["seed"] if "seed" in scores else pd.Series(0, index=scores.index)
    columns = {column: np.empty(len(scores)) for column in METHODS.values()}
    for seed in seeds.unique():
        rows = (seeds == seed).to_numpy()
        val = select_scores(scores[rows], "val")
        if val.empty:
            raise DataError(
                f"Seed {seed} has no validation scores to calibrate on.",
                expected="rows with the split val",
                fix="score the validation faces too",
            )
        for column, fit in (("calibrated", fit_calibration), ("isotonic", fit_isotonic)):
            fitted = fit(val["label"], val["score"])
            columns[column][rows] = fitted.apply(scores.loc[rows, "score"])
    return scores.assign(**columns)


def reliability_table(
    labels: Sequence[int], scores: Sequence[float], bins: int = BINS, repeats: int = 1
) -> pd.DataFrame:
    """Returns a row a bin of about equal size: n, mean_score, share_fake, low, high (Wilson).

    Equal scores share a bin, so few distinct scores give fewer bins.

    Args:
        labels: [n], 0 real and 1 fake.
        scores: [n], P(fake).
        bins: how many, at most.
        repeats: how often each face is in the list (once a seed); intervals count it once.
    """
    labels, scores = checked(labels, scores)
    bin_of = bin_numbers(scores, bins)
    rows = []
    for number in np.unique(bin_of):
        inside = bin_of == number
        share = wilson(labels[inside].sum() / repeats, inside.sum() / repeats)
        rows.append((int(inside.sum()), scores[inside].mean(), share.value, share.low, share.high))
    return pd.DataFrame(rows, columns=["n", "mean_score", "share_fake", "low", "high"])


def expected_calibration_error(
    labels: Sequence[int], scores: Sequence[float], bins: int = BINS
) -> float:
    """Returns the mean gap between score and share of fakes over bins of about equal size.

    Source: Nguyen & O'Connor 2015 (EMNLP), equal-mass bins; see `reliability_table`.
    """
    table = reliability_table(labels, scores, bins)
    gaps = (table["mean_score"] - table["share_fake"]).abs()
    return float((gaps * table["n"]).sum() / table["n"].sum())
