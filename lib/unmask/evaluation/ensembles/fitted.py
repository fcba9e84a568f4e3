"""Fitting on validation only, with validation scores that come from fits which never saw them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from ...errors import DataError
from ..scores import select_scores
from .joiner import Joiner
from .table import Ensemble, member_names, scores_frame

FOLDS = 5
Folds = list[tuple[np.ndarray, np.ndarray]]


class Predictor(Protocol):
    """Joins scores `[n, members]` into `[n]`; `weights` `[members]` says how each one counts.

    It takes scores after `fitted_ensemble`'s `transform`; its `joiner` takes them as they are.
    """

    weights: np.ndarray

    def __call__(self, matrix: np.ndarray) -> np.ndarray: ...

    def joiner(self, names: Sequence[str]) -> Joiner: ...


Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Predictor]


def fitted_ensemble(
    wide: pd.DataFrame,
    fit: Fit,
    about: str,
    transform: Callable[[np.ndarray], np.ndarray] = np.asarray,
    path_of: Callable[[Predictor, Sequence[str]], tuple] = lambda predictor, names: (),
) -> Ensemble:
    """Returns the ensemble that `fit` makes of the members' validation scores.

    Validation scores are out of fold: those of a fold come from a fit that never saw it, groups
    kept together, so that validation numbers, and a threshold chosen on them, are honest. Test
    and unseen scores come from the fit on all of validation.

    Args:
        wide: a table made by `combine`.
        fit: from scores `[n, members]`, labels and clusters `[n]` to a predictor.
        about: how it joins them, a few words.
        transform: applied to all scores first.
        path_of: from the predictor and the members' names to `Ensemble.path`.

    Raises:
        DataError: validation is too small for two folds that hold both classes.
    """
    names = member_names(wide)
    val = select_scores(wide, "val")
    matrix = transform(val[names].to_numpy(dtype=np.float64))
    labels, clusters = val["label"].to_numpy(), val["cluster"].to_numpy()
    with threadpool_limits(1):  # fits this small lose far more to threads than they gain
        predictor = fit(matrix, labels, clusters)
        held_out = out_of_fold(matrix, labels, clusters, fit, make_folds(labels, clusters))
        scores = predictor(transform(wide[names].to_numpy(dtype=np.float64)))
    scores[(wide["split"] == "val").to_numpy()] = held_out
    note = "Fitted on validation only; its validation scores are out of fold."
    weights = dict(zip(names, map(float, predictor.weights), strict=True))
    path = path_of(predictor, names)
    frame = scores_frame(wide, scores)
    return Ensemble(frame, weights, note, about, path, predictor.joiner(names))


def out_of_fold(
    matrix: np.ndarray, labels: np.ndarray, clusters: np.ndarray, fit: Fit, folds: Folds
) -> np.ndarray:
    """Returns predictions for n rows, each by a fit that did not see the row's cluster."""
    predictions = np.empty(len(labels))
    for train, held_out in folds:
        predictor = fit(matrix[train], labels[train], clusters[train])
        predictions[held_out] = predictor(matrix[held_out])
    return predictions


def make_folds(labels: np.ndarray, clusters: np.ndarray) -> Folds:
    """Returns the most folds, up to FOLDS, each of whose training parts holds both classes.

    Raises:
        DataError: there are not even two such folds.
    """
    limit = min([FOLDS, *(len(np.unique(clusters[labels == label])) for label in (0, 1))])
    for count in range(limit, 1, -1):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        folds = list(splitter.split(labels, labels, clusters))
        if all(len(train) and len(np.unique(labels[train])) == 2 for train, _ in folds):
            return folds
    raise DataError(
        f"Validation is too small to fit an ensemble: {int((labels == 0).sum())} real and "
        f"{int((labels == 1).sum())} fake faces in {len(np.unique(clusters))} groups.",
        expected="at least four groups of each class",
        fix="use the plain mean, or a larger validation split",
    )
