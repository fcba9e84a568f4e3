"""Ways to join members' scores: means, ranks, weights, a stack, and a greedy selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from ...errors import DataError, UsageError
from ..scores import select_scores
from .fitted import Fit, fitted_ensemble, make_folds, out_of_fold
from .joiner import Joiner, rank_among, stack_logits
from .table import Ensemble, member_names, scores_frame

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
MOST_PICKS = 20
REFERENCE_TRIO = ("mini_vggnet", "lenet", "resnet_small")  # of the teaching notebooks


def mean_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns the plain mean of the members' scores; nothing is fitted."""
    names = member_names(wide)
    weights = dict.fromkeys(names, 1 / len(names))
    mean = wide[names].mean(axis=1)
    return Ensemble(
        scores_frame(wide, mean),
        weights,
        "Nothing is fitted.",
        "plain mean of the scores",
        joiner=Joiner("mean", tuple(names), tuple(weights.values())),
    )


def rank_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns the mean of the ranks that the members' scores would take among validation's.

    A rank is the share of validation faces with a lower score (ties count half), so that a face
    can be scored alone and members whose scores mean different things count alike. No label is
    used, so validation's own scores need no folds.
    """
    names = member_names(wide)
    val = select_scores(wide, "val")
    known = [np.sort(val[name].to_numpy()) for name in names]
    ranks = [rank_among(each, wide[name]) for each, name in zip(known, names, strict=True)]
    weights = dict.fromkeys(names, 1 / len(names))
    note = "Ranks are taken among the validation faces; no label is used."
    about = "mean of the ranks among validation faces"
    references = tuple(tuple(each.tolist()) for each in known)
    joiner = Joiner("rank", tuple(names), tuple(weights.values()), references=references)
    scores = scores_frame(wide, np.mean(ranks, axis=0))
    return Ensemble(scores, weights, note, about, joiner=joiner)


def weighted_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns the weighted mean of scores with the least log loss on validation.

    Weights are not negative and sum to 1; the problem is convex, so the answer does not depend on
    a start.

    Raises:
        DataError: validation is too small for two folds that hold both classes.
    """
    return fitted_ensemble(wide, _fit_weights, "weighted mean of the scores")


def stacked_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns logistic regression (L2) on the members' logits, fitted on validation only.

    The strength of the penalty is picked by cross-validated log loss inside the data it is fitted
    on; a fold's scores come from a stack, and a penalty, that never saw it.

    Raises:
        DataError: validation is too small for two folds that hold both classes.
    """
    return fitted_ensemble(wide, _fit_stack, "logistic regression on the scores", stack_logits)


def greedy_ensemble(wide: pd.DataFrame) -> Ensemble:
    """Returns the mean of members picked one by one, each the one that helps most on validation.

    Forward selection with replacement (Caruana et al. 2004, "Ensemble selection from libraries
    of models", ICML): begin with the best member, then add, up to 20 times, the one with which
    the AUC of the mean score is highest, and keep the picks up to the first maximum. A member
    picked twice counts twice; one never picked costs nothing.

    Raises:
        DataError: validation is too small for two folds that hold both classes.
    """
    about = "mean of greedily picked members"
    return fitted_ensemble(wide, _fit_greedy, about, path_of=_named_path)


METHODS = {
    "mean_ensemble": mean_ensemble,
    "rank_ensemble": rank_ensemble,
    "weighted_ensemble": weighted_ensemble,
    "stacked_ensemble": stacked_ensemble,
    "greedy_ensemble": greedy_ensemble,
}


def fit_ensembles(wide: pd.DataFrame) -> tuple[dict[str, Ensemble], list[str]]:
    """Returns every ensemble of all members by name, and notices for the reader.

    What validation is too small for is left out, with a notice: the stack, which also picks its
    penalty by folds, needs more of it than the others, and the means need none.
    """
    ensembles, missing = {}, []
    for name, make in METHODS.items():
        try:
            ensembles[name] = make(wide)
        except DataError:
            missing.append(name)
    return ensembles, [_too_small(wide, missing)] if missing else []


def _too_small(wide: pd.DataFrame, missing: Sequence[str]) -> str:
    val = select_scores(wide, "val")
    fakes, groups = int((val["label"] == 1).sum()), val["cluster"].nunique()
    return (
        f"Not shown: {', '.join(missing)}. Validation is too small to fit "
        f"{'it' if len(missing) == 1 else 'them'}: {len(val) - fakes} real and {fakes} fake faces "
        f"in {groups} group{'s' * (groups != 1)}."
    )


def named_ensembles(
    wide: pd.DataFrame, named: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Ensemble], list[str]]:
    """Returns the plain mean of exactly the members listed, for each name; and notices.

    One of which the run does not hold all members is left out with a notice; without a word only
    REFERENCE_TRIO under its own name, which nobody has to ask for.

    Args:
        wide: a table made by `combine`.
        named: the members of each ensemble.

    Raises:
        UsageError: a name that is another ensemble's or a member's, or members that are no list
            or not different ones.
    """
    present, found, notices = member_names(wide), {}, []
    for name, members in named.items():
        _check_named(name, members, present)
        missing = [member for member in members if member not in present]
        if not missing and len(members) > 1:
            found[name] = mean_ensemble(wide.drop(columns=set(present) - set(members)))
        elif (name, tuple(members)) != ("reference_trio", REFERENCE_TRIO):
            why = "it has one member."
            if missing:
                why = f"{', '.join(missing)} not in this run, which holds {', '.join(present)}."
            notices.append(f"The ensemble {name} is not shown: {why}")
    return found, notices


def _check_named(name: str, members: Sequence[str], present: Sequence[str]) -> None:
    if name in METHODS or name in present or Path(str(name)).name != name:
        raise UsageError(
            f"An ensemble cannot be called {name!r}.",
            expected="a name for a folder, neither a detector's nor one of " + ", ".join(METHODS),
        )
    listed = isinstance(members, list | tuple) and all(isinstance(each, str) for each in members)
    if not listed or not members or len(set(members)) < len(members):
        raise UsageError(
            f"The ensemble {name} joins {members!r}.",
            expected="a list of two or more different detectors",
        )


@dataclass(frozen=True)
class _Weighted:
    weights: np.ndarray
    path: tuple[tuple[int, float], ...] = ()

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return np.clip(matrix @ self.weights, 0.0, 1.0)

    def joiner(self, names: Sequence[str]) -> Joiner:
        return Joiner("mean", tuple(names), tuple(map(float, self.weights)))


@dataclass(frozen=True)
class _Stacked:
    model: LogisticRegression

    @property
    def weights(self) -> np.ndarray:
        return self.model.coef_[0]

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return self.model.predict_proba(matrix)[:, 1]

    def joiner(self, names: Sequence[str]) -> Joiner:
        weights = tuple(map(float, self.weights))
        return Joiner("stack", tuple(names), weights, float(self.model.intercept_[0]))


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

    folds = make_folds(labels, clusters)
    losses = {
        strength: log_loss(labels, out_of_fold(matrix, labels, clusters, fit_with(strength), folds))
        for strength in STRENGTHS
    }
    return fit_with(min(losses, key=losses.get))(matrix, labels, clusters)


def _fit_greedy(matrix: np.ndarray, labels: np.ndarray, clusters: np.ndarray) -> _Weighted:
    total = np.zeros(len(labels))
    path: list[tuple[int, float]] = []
    for count in range(1, MOST_PICKS + 1):
        areas = _areas(labels, (total[:, None] + matrix) / count)
        pick = int(np.argmax(areas))
        total = total + matrix[:, pick]
        path.append((pick, float(areas[pick])))
    length = int(np.argmax([area for _, area in path])) + 1
    picks = np.bincount([pick for pick, _ in path[:length]], minlength=matrix.shape[1])
    return _Weighted(picks / picks.sum(), tuple(path))


def _areas(labels: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Returns the AUC of each column, rounded so that sums in another order cannot decide."""
    fakes = labels == 1
    count, others = fakes.sum(), (~fakes).sum()
    ranks = rankdata(np.round(candidates, 12), axis=0)[fakes].sum(axis=0)
    return np.round((ranks - count * (count + 1) / 2) / (count * others), 9)


def _named_path(predictor: _Weighted, names: Sequence[str]) -> tuple[tuple[str, float], ...]:
    return tuple((names[pick], area) for pick, area in predictor.path)
