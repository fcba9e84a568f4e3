"""Metrics of a detector from labels and scores; one weighted definition serves every use.

Convention: fake is 1, a score is P(fake), and a face is called fake when score >= threshold
(compared in float64). With a row of weights per resample, the same lines give the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import DataError, UsageError, nearest


@dataclass(frozen=True)
class Ranking:
    """Labels and scores sorted once, highest score first; n faces, u distinct scores.

    Attributes:
        order: int64 [n], the original position of each ranked face.
        labels: float64 [n], 1 for fake, ranked.
        scores: float64 [n], falling.
        ends: int64 [u], the last place of each run of equal scores.
    """

    order: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    ends: np.ndarray


def rank(labels: Sequence[int], scores: Sequence[float]) -> Ranking:
    """Returns the ranking of n faces; checks both arrays.

    Raises:
        DataError: lengths differ, no faces, labels other than 0 and 1, scores outside 0 to 1.
    """
    labels, scores = checked(labels, scores)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    return Ranking(order, labels[order].astype(np.float64), ranked, ends)


def checked(labels: Sequence[int], scores: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels as int64 [n] and scores as float64 [n]; raises DataError when unusable."""
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape or not len(labels):
        raise DataError(
            f"Labels of shape {labels.shape} and scores of shape {scores.shape} do not fit.",
            expected="two lists of the same length, at least one face",
        )
    if not np.isin(labels, (0, 1)).all():
        raise DataError("Some labels are neither 0 nor 1.", expected="0 for real, 1 for fake")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise DataError(
            "Some scores are not a number between 0 and 1.",
            expected="P(fake) for each face",
            fix="look for a model whose training diverged (loss nan), or whose output is a logit",
        )
    return labels.astype(np.int64), scores


class WeightedCounts:
    """True and false positives of r weightings of one ranking, at each distinct score.

    Args:
        ranking: n faces with u distinct scores.
        weights: float64 [r, n] in ranked order, none negative, both classes above zero.
        threshold: faces with a score at or above it are called fake.
    """

    def __init__(self, ranking: Ranking, weights: np.ndarray, threshold: float):
        self.ranking, self.weights, self.threshold = ranking, weights, threshold

    @cached_property
    def called(self) -> np.ndarray:
        """Weight of all faces at or above each distinct score, float64 [r, u]."""
        return self._at_ends(np.cumsum(self.weights, axis=1))

    @cached_property
    def true_positives(self) -> np.ndarray:
        """Weight of the fakes at or above each distinct score, float64 [r, u]."""
        return self._at_ends(np.cumsum(self.weights * self.ranking.labels, axis=1))

    @cached_property
    def false_positives(self) -> np.ndarray:
        """Weight of the reals at or above each distinct score, float64 [r, u]."""
        return self.called - self.true_positives

    @cached_property
    def fakes(self) -> np.ndarray:
        """Weight of all fakes, float64 [r]."""
        return self.weights @ self.ranking.labels

    @cached_property
    def reals(self) -> np.ndarray:
        """Weight of all reals, float64 [r]."""
        return self.weights @ (1.0 - self.ranking.labels)

    @cached_property
    def hits(self) -> np.ndarray:
        """Weight of the fakes called fake at the threshold, float64 [r]."""
        return self.weights @ (self.ranking.labels * (self.ranking.scores >= self.threshold))

    @cached_property
    def false_alarms(self) -> np.ndarray:
        """Weight of the reals called fake at the threshold, float64 [r]."""
        return self.weights @ ((1 - self.ranking.labels) * (self.ranking.scores >= self.threshold))

    def _at_ends(self, sums: np.ndarray) -> np.ndarray:
        return sums if len(self.ranking.ends) == sums.shape[1] else sums[:, self.ranking.ends]


def _accuracy(counts: WeightedCounts) -> np.ndarray:
    right = counts.hits + counts.reals - counts.false_alarms
    return right / (counts.fakes + counts.reals)


def _recall_fake(counts: WeightedCounts) -> np.ndarray:
    return counts.hits / counts.fakes


def _recall_real(counts: WeightedCounts) -> np.ndarray:
    return 1.0 - counts.false_alarms / counts.reals


def _balanced_accuracy(counts: WeightedCounts) -> np.ndarray:
    return (_recall_fake(counts) + _recall_real(counts)) / 2


def _f1(counts: WeightedCounts) -> np.ndarray:
    return 2 * counts.hits / (counts.fakes + counts.hits + counts.false_alarms)


def _auc(counts: WeightedCounts) -> np.ndarray:
    hits, alarms = counts.true_positives, counts.false_positives
    area = np.einsum("ij,ij->i", np.diff(alarms, axis=1), hits[:, 1:] + hits[:, :-1])
    return (area + alarms[:, 0] * hits[:, 0]) / (2 * counts.fakes * counts.reals)


def _average_precision(counts: WeightedCounts) -> np.ndarray:
    hits, called = counts.true_positives, counts.called
    precision = hits / np.maximum(called, np.finfo(np.float64).tiny)
    area = np.einsum("ij,ij->i", np.diff(hits, axis=1), precision[:, 1:])
    return (area + hits[:, 0] * precision[:, 0]) / counts.fakes


def _eer(counts: WeightedCounts) -> np.ndarray:
    false_rate = counts.false_positives / counts.reals[:, None]
    gap = counts.true_positives / counts.fakes[:, None]
    gap += false_rate
    gap -= 1.0  # false positive rate minus miss rate: -1 at the start, rising to 1
    rows = np.arange(len(gap))
    after = np.minimum((gap < 0).sum(axis=1), gap.shape[1] - 1)
    first = after == 0
    gap_before = np.where(first, -1.0, gap[rows, after - 1])
    rate_before = np.where(first, 0.0, false_rate[rows, after - 1])
    share = -gap_before / (gap[rows, after] - gap_before)
    return rate_before + share * (false_rate[rows, after] - rate_before)


def _recall_at(target: float) -> Callable[[WeightedCounts], np.ndarray]:
    def recall(counts: WeightedCounts) -> np.ndarray:
        allowed = target * counts.reals * (1 + 1e-12)
        place = (counts.false_positives <= allowed[:, None]).sum(axis=1) - 1
        rows = np.arange(len(place))
        return np.where(place < 0, 0.0, counts.true_positives[rows, place] / counts.fakes)

    return recall


def _log_loss(counts: WeightedCounts) -> np.ndarray:
    labels = counts.ranking.labels
    edge = np.finfo(np.float64).eps
    scores = np.clip(counts.ranking.scores, edge, 1 - edge)
    losses = -np.where(labels == 1, np.log(scores), np.log(1 - scores))
    return counts.weights @ losses / (counts.fakes + counts.reals)


def _brier(counts: WeightedCounts) -> np.ndarray:
    squares = (counts.ranking.scores - counts.ranking.labels) ** 2
    return counts.weights @ squares / (counts.fakes + counts.reals)


METRICS: dict[str, Callable[[WeightedCounts], np.ndarray]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "auc": _auc,
    "average_precision": _average_precision,
    "eer": _eer,
    "recall_fake": _recall_fake,
    "recall_real": _recall_real,
    "f1": _f1,
    "log_loss": _log_loss,
    "brier": _brier,
    "tpr_at_fpr_1": _recall_at(0.01),
    "tpr_at_fpr_5": _recall_at(0.05),
}
LOWER_IS_BETTER = ("eer", "log_loss", "brier")
# What still means something when one class is absent, by the class that is present.
DEFINED_ON_ONE_CLASS = {
    0: ("accuracy", "recall_real", "log_loss", "brier"),
    1: ("accuracy", "recall_fake", "log_loss", "brier"),
}


def weighted_metrics(
    ranking: Ranking, weights: np.ndarray, threshold: float, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns each named metric for each of r weightings, float64 [r].

    Args:
        ranking: n faces.
        weights: float64 [r, n] in ranked order.
        threshold: of the metrics that need one.
        names: keys of METRICS.

    Raises:
        UsageError: a metric is not known.
    """
    for name in names:
        if name not in METRICS:
            raise UsageError(
                f"No metric is called '{name}'.{nearest(name, METRICS)}",
                expected=", ".join(METRICS),
            )
    counts = WeightedCounts(ranking, weights, threshold)
    return {name: METRICS[name](counts) for name in names}


def compute_metrics(
    labels: Sequence[int], scores: Sequence[float], threshold: float
) -> dict[str, float | str]:
    """Returns every metric of METRICS for n faces, and `note` (empty when all are defined).

    `eer` is where the straight-line ROC curve meets false positive rate = miss rate.
    `tpr_at_fpr_1` and `_5` are the share of fakes found at the lowest threshold whose measured
    false positive rate is at most 1% and 5%, without interpolation. The others are scikit-learn's.
    When one class is missing, whatever needs both classes is NaN and `note` says so.

    Raises:
        DataError: see `rank`.
    """
    ranking = rank(labels, scores)
    present = np.unique(ranking.labels).astype(int)
    names = tuple(METRICS) if len(present) == 2 else DEFINED_ON_ONE_CLASS[int(present[0])]
    weights = np.ones((1, len(ranking.labels)))
    found = weighted_metrics(ranking, weights, threshold, names)
    result: dict[str, float | str] = {
        name: float(found[name][0]) if name in found else float("nan") for name in METRICS
    }
    result["note"] = "" if len(present) == 2 else one_class_note(int(present[0]))
    return result


def one_class_note(present: int) -> str:
    """Returns the sentence for a set whose faces are all of the class `present` (0 or 1)."""
    kind, other = ("fake", "real") if present else ("real", "fake")
    return f"All faces are {kind}: what needs {other} faces too (AUC and others) is not defined."
