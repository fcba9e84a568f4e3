"""How well a few numbers tell the classes apart, judged on files that were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedGroupKFold

from ..evaluation.intervals import Interval, bootstrap_metrics
from .linear import fit_linear

FOLDS = 5
FEWEST = 30  # files of each class; with fewer, no interval is narrow enough to say anything


@dataclass(frozen=True)
class Folds:
    """A cross-validation that every family shares.

    Attributes:
        labels: int64 [n].
        units: int64 [n], what belongs together and is never on two sides.
        fold: int64 [n], the fold in which each file is judged.
    """

    labels: np.ndarray
    units: np.ndarray
    fold: np.ndarray


def units_of(groups: Sequence[str], links: np.ndarray) -> np.ndarray:
    """Returns a number a file, the same for all that belong together, int64 [n].

    Args:
        groups: identity or source video of each file, "" where not known.
        links: int64 `[pairs, 2]`, positions of files that are copies of each other.
    """
    names = np.asarray(groups, dtype=object)
    known = np.flatnonzero(names != "")
    _, first, code = np.unique(names[known].astype(str), return_index=True, return_inverse=True)
    chained = np.column_stack([known, known[first][code]])
    pairs = np.concatenate([chained, np.asarray(links, dtype=np.int64).reshape(-1, 2)])
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(names)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def why_too_few(labels: np.ndarray, units: np.ndarray) -> str:
    """Returns why files cannot be judged by five folds, as a sentence; "" when they can."""
    labels, units = np.asarray(labels, np.int64), np.asarray(units, np.int64)
    counts = np.bincount(labels, minlength=2)
    if counts.min() < FEWEST:
        return (
            f"Only {counts[0]:,} real and {counts[1]:,} fake files: fewer than {FEWEST} of a class "
            "give no interval worth reading."
        )
    spread = min(len(np.unique(units[labels == label])) for label in (0, 1))
    if spread < FOLDS:
        return (
            f"The files of a class come from only {spread} people, source videos or sets of "
            f"copies; five folds need {FOLDS}."
        )
    return ""


def make_folds(labels: np.ndarray, units: np.ndarray, seed: int) -> Folds | None:
    """Returns five folds with both classes in each, or None where the data are too few.

    Too few: fewer than `FEWEST` files of a class, or they belong to fewer than five units.
    """
    labels, units = np.asarray(labels, np.int64), np.asarray(units, np.int64)
    if why_too_few(labels, units):
        return None
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    fold = np.empty(len(labels), np.int64)
    for number, (_, judged) in enumerate(splitter.split(labels, labels, units)):
        fold[judged] = number
    mixed = all(len(np.unique(labels[fold == number])) == 2 for number in range(FOLDS))
    return Folds(labels, units, fold) if mixed else None


def separate(
    features: np.ndarray,
    folds: Folds,
    *,
    strength: float,
    scaling: str,
    resamples: int,
    seed: int = 0,
) -> Interval:
    """Returns the AUC of a logistic regression on files it was not fitted on, with 95% interval.

    Scores become ranks within their fold, as models of different folds have different offsets.
    The interval resamples scores of what belongs together (clustered bootstrap) and holds for
    these fits: it does not tell how the AUC would vary with other fits, and is somewhat too
    narrow. On facts that say nothing it leaves out 0.5 more often than one time in twenty; that
    its lower end exceeds the limit of a shortcut by chance stays rare, as a test bounds by
    simulation. Columns without variation give 0.5 exactly.

    Args:
        features: `[n, columns]`.
        folds: of the same n files.
        strength, scaling: see `fit_linear`.
        resamples, seed: of the bootstrap.
    """
    if not features.shape[1] or not np.ptp(features, axis=0).any():
        return Interval(0.5, 0.5, 0.5)
    scores = np.empty(len(folds.labels))
    for number in range(FOLDS):
        judged = folds.fold == number
        fitted = fit_linear(
            features[~judged], folds.labels[~judged], strength=strength, scaling=scaling
        )
        ranks = rankdata(fitted.score(features[judged]))
        scores[judged] = ranks / (judged.sum() + 1)
    options: dict[str, Any] = {"resamples": resamples, "seed": seed, "metrics": ("auc",)}
    return bootstrap_metrics(folds.labels, scores, folds.units, 0.5, **options)["auc"]
