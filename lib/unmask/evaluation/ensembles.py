"""Ensembles of members' scores, fitted on validation only, and their fair comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from ..errors import DataError
from .calibration import clipped_logit
from .scores import cluster_ids, score_matrix, select_scores

METHODS = {
    "mean_ensemble": "plain mean of the scores",
    "weighted_ensemble": "weighted mean of the scores",
    "stacked_ensemble": "logistic regression on the scores",
}
KEYS = ("face_id", "split", "label", "cluster")
FOLDS = 5
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
LOGIT_EDGE = 1e-6  # so that no single sure mistake pulls without limit
Folds = list[tuple[np.ndarray, np.ndarray]]
Predictor = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Predictor]


@dataclass(frozen=True)
class Ensemble:
    """An ensemble's scores and how much each member counts in it.

    Attributes:
        scores: face_id, split, label, score, seed (0).
        weights: by member: shares that sum to 1, or for the stack coefficients of the logits.
        note: what a reader must know about these scores, a sentence.
    """

    scores: pd.DataFrame
    weights: dict[str, float]
    note: str


def combine(members: dict[str, pd.DataFrame], column: str = "score") -> pd.DataFrame:
    """Returns one row a face: face_id, split, label, cluster and a column a member.

    A member's several seeds are averaged. `cluster` is the group or file of a face where the
    tables carry it (after `attach_faces`), so that folds keep groups together.

    Args:
        members: a scores table for each name.
        column: `score` or `calibrated`.

    Raises:
        DataError: fewer than two members, or members differ in faces, splits or labels.
    """
    if len(members) < 2:
        raise DataError(
            f"{len(members)} member models cannot make an ensemble.",
            expected="the scores of two or more",
            fix="train more members, or leave the ensemble out",
        )
    wide = None
    for name, frame in members.items():
        faces, matrix = score_matrix(frame, column)
        table = faces[["face_id", "split", "label"]].assign(cluster=cluster_ids(faces))
        table[name] = matrix.mean(axis=0)
        if wide is None:
            wide = table
            continue
        if not wide[["face_id", "split", "label"]].equals(table[["face_id", "split", "label"]]):
            raise DataError(
                f"{name} scored other faces, splits or labels than {next(iter(members))}.",
                expected="all members scored on the same faces",
                fix="train the members again on the same preprocessing run",
            )
        wide[name] = table[name]
    return wide


def member_names(wide: pd.DataFrame) -> list[str]:
    """Returns the member columns of a table made by `combine`."""
    return [name for name in wide if name not in KEYS]


def mean_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns the plain mean of the members' scores; nothing is fitted."""
    names = member_names(wide)
    weights = dict.fromkeys(names, 1 / len(names))
    return Ensemble(_scores_frame(wide, wide[names].mean(axis=1)), weights, "Nothing is fitted.")


def weighted_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns the weighted mean of scores with the least log loss on validation.

    Weights are not negative and sum to 1; the problem is convex, so the answer does not depend on
    a start. Validation scores are out of fold: those of a fold come from weights fitted on the
    other folds (groups kept together), so that validation numbers are honest.

    Raises:
        DataError: validation is too small for two folds that hold both classes.
    """
    return _fitted_ensemble(wide, _fit_weights)


def stacked_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns logistic regression (L2) on the members' logits, fitted on validation only.

    The strength of the penalty is picked by cross-validated log loss inside the data it is fitted
    on. Validation scores are out of fold: those of a fold come from a stack (and a penalty) that
    never saw it, groups kept together, so that validation numbers, and a threshold chosen on
    them, are honest. Test and unseen scores come from the stack fitted on all of validation.

    Raises:
        DataError: validation is too small for two folds that hold both classes.
    """
    return _fitted_ensemble(wide, _fit_stack, _logits)


def fit_ensembles(wide: pd.DataFrame) -> tuple[dict[str, Ensemble], list[str]]:
    """Returns the mean, weighted and stacked ensembles by name, and notices for the reader.

    Where validation is too small to fit anything, only the mean is returned, with a notice.
    """
    ensembles, notices = {"mean_ensemble": mean_ensemble(wide)}, []
    try:
        ensembles["weighted_ensemble"] = weighted_ensemble(wide)
        ensembles["stacked_ensemble"] = stacked_ensemble(wide)
    except DataError as error:
        notices.append(f"Only the plain mean is shown. {error.what}")
    return ensembles, notices


def _logits(matrix: np.ndarray) -> np.ndarray:
    return clipped_logit(matrix, LOGIT_EDGE)


def _fitted_ensemble(
    wide: pd.DataFrame, fit: Fit, transform: Callable[[np.ndarray], np.ndarray] = np.asarray
) -> Ensemble:
    names = member_names(wide)
    val = select_scores(wide, "val")
    matrix = transform(val[names].to_numpy(dtype=np.float64))
    labels, clusters = val["label"].to_numpy(), val["cluster"].to_numpy()
    with threadpool_limits(1):  # fits this small lose far more to threads than they gain
        predictor = fit(matrix, labels, clusters)
        out_of_fold = _out_of_fold(matrix, labels, clusters, fit, _folds(labels, clusters))
        scores = predictor(transform(wide[names].to_numpy(dtype=np.float64)))
    scores[(wide["split"] == "val").to_numpy()] = out_of_fold
    note = "Fitted on validation only; its validation scores are out of fold."
    weights = dict(zip(names, map(float, predictor.weights), strict=True))
    return Ensemble(_scores_frame(wide, scores), weights, note)


@dataclass(frozen=True)
class _Weighted:
    weights: np.ndarray

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return np.clip(matrix @ self.weights, 0.0, 1.0)


@dataclass(frozen=True)
class _Stacked:
    model: LogisticRegression

    @property
    def weights(self) -> np.ndarray:
        return self.model.coef_[0]

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(matrix)[:, 1]


def _fit_weights(matrix: np.ndarray, labels: np.ndarray, clusters: np.ndarray) -> _Weighted:
    edge = 1e-12
    of_truth = np.where(labels[:, None] == 1, matrix, 1 - matrix)

    def loss_and_slope(weights: np.ndarray) -> tuple[float, np.ndarray]:
        chance = np.maximum(of_truth @ weights, edge)
        return -np.mean(np.log(chance)), -np.mean(of_truth / chance[:, None], axis=0)

    count = matrix.shape[1]
    found = minimize(
        loss_and_slope,
        x0=np.full(count, 1 / count),
        jac=True,
        bounds=[(0, 1)] * count,
        constraints={
            "type": "eq",
            "fun": lambda weights: weights.sum() - 1,
            "jac": lambda weights: np.ones(count),
        },
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    weights = np.where(found.x < 1e-9, 0.0, found.x)
    return _Weighted(weights / weights.sum())


def _fit_stack(matrix: np.ndarray, labels: np.ndarray, clusters: np.ndarray) -> _Stacked:
    def fit_with(strength: float) -> Fit:
        def fit(part: np.ndarray, part_labels: np.ndarray, part_clusters: np.ndarray) -> _Stacked:
            model = LogisticRegression(C=strength, max_iter=1000)
            return _Stacked(model.fit(part, part_labels))

        return fit

    folds = _folds(labels, clusters)
    losses = {
        strength: log_loss(
            labels, _out_of_fold(matrix, labels, clusters, fit_with(strength), folds)
        )
        for strength in STRENGTHS
    }
    return fit_with(min(losses, key=losses.get))(matrix, labels, clusters)


def _out_of_fold(
    matrix: np.ndarray, labels: np.ndarray, clusters: np.ndarray, fit: Fit, folds: Folds
) -> np.ndarray:
    """Returns predictions for n rows, each by a fit that did not see the row's cluster."""
    predictions = np.empty(len(labels))
    for train, held_out in folds:
        predictor = fit(matrix[train], labels[train], clusters[train])
        predictions[held_out] = predictor(matrix[held_out])
    return predictions


def _folds(labels: np.ndarray, clusters: np.ndarray) -> Folds:
    """Returns the most folds, up to FOLDS, each of whose training parts holds both classes."""
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


def _scores_frame(wide: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    return wide[["face_id", "split", "label"]].assign(score=np.asarray(scores), seed=0)
