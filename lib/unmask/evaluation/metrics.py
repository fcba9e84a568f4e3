"""Metrics of a detector from labels and scores; one weighted definition serves every use.

Convention: fake is 1, a score is P(fake), and a face is called fake when score >= threshold
(compared in float64). With a row of weights per resample, the same lines give the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import UsageError, nearest
from .ranking import Columns, Ranking, WeightedCounts, checked, rank

__all__ = [
    "DEFINED_ON_ONE_CLASS",
    "FPR_TARGETS",
    "LEAST_PARTIAL_AUC",
    "LOWER_IS_BETTER",
    "METRICS",
    "Ranking",
    "check_names",
    "checked",
    "compute_metrics",
    "one_class_note",
    "rank",
    "weighted_metrics",
]

PARTIAL_FPR = 0.1  # up to which false positive rate the partial AUC looks
LEAST_PARTIAL_AUC = 0.5 - 0.25 * PARTIAL_FPR / (1 - PARTIAL_FPR / 2)  # when no fake is found there
TINY = np.finfo(np.float64).tiny
Metric = Callable[[WeightedCounts], np.ndarray]


def _accuracy(counts: WeightedCounts) -> np.ndarray:
    right = counts.total("hits") + counts.total("reals") - counts.total("alarms")
    return right / _faces(counts)


def _recall_fake(counts: WeightedCounts) -> np.ndarray:
    return counts.total("hits") / counts.total("fakes")


def _recall_real(counts: WeightedCounts) -> np.ndarray:
    return 1.0 - counts.total("alarms") / counts.total("reals")


def _balanced_accuracy(counts: WeightedCounts) -> np.ndarray:
    return (_recall_fake(counts) + _recall_real(counts)) / 2


def _f1(counts: WeightedCounts) -> np.ndarray:
    hits = counts.total("hits")
    return 2 * hits / (counts.total("fakes") + hits + counts.total("alarms"))


def _mcc(counts: WeightedCounts) -> np.ndarray:
    hits, alarms = counts.total("hits"), counts.total("alarms")
    fakes, reals = counts.total("fakes"), counts.total("reals")
    called = hits + alarms
    square = called * fakes * reals * (fakes + reals - called)
    together = hits * (reals - alarms) - alarms * (fakes - hits)
    return np.where(square > 0, together / np.sqrt(np.maximum(square, TINY)), 0.0)


def _auc(counts: WeightedCounts) -> np.ndarray:
    hits, alarms = counts.true_positives, counts.false_positives
    return _area(alarms, hits) / (hits[:, -1] * alarms[:, -1])


def _partial_auc(counts: WeightedCounts) -> np.ndarray:
    """McClish's standardised area (1989), as in scikit-learn's roc_auc_score(max_fpr=...)."""
    hits, alarms = counts.true_positives, counts.false_positives
    limit = PARTIAL_FPR * alarms[:, -1]
    stop = counts.first_place(lambda rows, places: alarms[rows, places] > limit)
    rows, last = np.arange(len(stop)), int(stop.max()) + 1
    area = _area(np.minimum(alarms[:, :last], limit[:, None]), hits[:, :last])
    alarms_before, hits_before = _before(alarms, stop), _before(hits, stop)
    beyond = 1 - (limit - alarms_before) / (alarms[rows, stop] - alarms_before)
    area -= (limit - alarms_before) * beyond * (hits[rows, stop] - hits_before) / 2
    share = area / (hits[:, -1] * alarms[:, -1])
    least = PARTIAL_FPR**2 / 2
    return (1 + (share - least) / (PARTIAL_FPR - least)) / 2


def _average_precision(counts: WeightedCounts) -> np.ndarray:
    hits = counts.true_positives
    precision = hits / np.maximum(counts.called, TINY)
    area = np.einsum("ij,ij->i", np.diff(hits, axis=1), precision[:, 1:])
    return (area + hits[:, 0] * precision[:, 0]) / hits[:, -1]


def _eer(counts: WeightedCounts) -> np.ndarray:
    hits, alarms = counts.true_positives, counts.false_positives
    fakes, reals = hits[:, -1], alarms[:, -1]

    def gap(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
        """False positive rate minus miss rate: -1 at the start, rising to 1."""
        return hits[rows, places] / fakes + alarms[rows, places] / reals - 1.0

    after = counts.first_place(lambda rows, places: gap(rows, places) >= 0)
    rows = np.arange(len(after))
    rate, rate_before = alarms[rows, after] / reals, _before(alarms, after) / reals
    gap_before = np.where(after == 0, -1.0, gap(rows, np.maximum(after - 1, 0)))
    share = -gap_before / (gap(rows, after) - gap_before)
    return rate_before + share * (rate - rate_before)


def _recall_at(target: float) -> Metric:
    def recall(counts: WeightedCounts) -> np.ndarray:
        hits, alarms = counts.true_positives, counts.false_positives
        allowed = target * alarms[:, -1] * (1 + 1e-12)
        beyond = counts.first_place(lambda rows, places: alarms[rows, places] > allowed)
        return _before(hits, beyond) / hits[:, -1]

    return recall


def _log_loss(counts: WeightedCounts) -> np.ndarray:
    return counts.total("losses") / _faces(counts)


def _brier(counts: WeightedCounts) -> np.ndarray:
    return counts.total("squares") / _faces(counts)


def _ece(counts: WeightedCounts) -> np.ndarray:
    return np.abs(counts.gaps).sum(axis=1) / _faces(counts)


def _faces(counts: WeightedCounts) -> np.ndarray:
    return counts.total("fakes") + counts.total("reals")


def _area(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Returns the area under each of r curves that start at (0, 0), float64 [r]."""
    steps = np.einsum("ij,ij->i", np.diff(across, axis=1), up[:, 1:] + up[:, :-1])
    return (steps + across[:, 0] * up[:, 0]) / 2


def _before(sums: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns the sum one place earlier in each row, 0 before the first."""
    return np.where(places == 0, 0.0, sums[np.arange(len(places)), np.maximum(places - 1, 0)])


FPR_TARGETS = {"tpr_at_fpr_0_1": 0.001, "tpr_at_fpr_1": 0.01, "tpr_at_fpr_5": 0.05}
METRICS: dict[str, Metric] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "auc": _auc,
    "average_precision": _average_precision,
    "eer": _eer,
    "recall_fake": _recall_fake,
    "recall_real": _recall_real,
    "f1": _f1,
    "mcc": _mcc,
    "log_loss": _log_loss,
    "brier": _brier,
    "ece": _ece,
    **{name: _recall_at(target) for name, target in FPR_TARGETS.items()},
    "partial_auc": _partial_auc,
}
LOWER_IS_BETTER = ("eer", "log_loss", "brier", "ece")
# What still means something when one class is absent, by the class that is present.
DEFINED_ON_ONE_CLASS = {
    0: ("accuracy", "recall_real", "log_loss", "brier"),
    1: ("accuracy", "recall_fake", "log_loss", "brier"),
}


def weighted_metrics(
    ranking: Ranking | Columns, weights: np.ndarray, threshold: float, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns each named metric for each of r weightings, float64 [r].

    Args:
        ranking: n faces; or their `Columns`, which saves work when the same are weighted again.
        weights: float64 [r, n] in ranked order.
        threshold: of the metrics that need one.
        names: keys of METRICS.

    Raises:
        UsageError: a metric is not known.
    """
    check_names(names)
    columns = ranking if isinstance(ranking, Columns) else Columns(ranking, threshold)
    counts = WeightedCounts(columns, weights)
    return {name: METRICS[name](counts) for name in names}


def check_names(names: Sequence[str]) -> None:
    """Raises UsageError when one of `names` is no key of METRICS."""
    for name in names:
        if name not in METRICS:
            raise UsageError(
                f"No metric is called '{name}'.{nearest(name, METRICS)}",
                expected=", ".join(METRICS),
            )


def compute_metrics(
    labels: Sequence[int], scores: Sequence[float], threshold: float
) -> dict[str, float | str]:
    """Returns every metric of METRICS for n faces, and `note` (empty when all are defined).

    `eer` is where the straight-line ROC curve meets false positive rate = miss rate.
    `tpr_at_fpr_0_1`, `_1` and `_5` are the share of fakes found at the lowest threshold whose
    measured false positive rate is at most 0.1%, 1% and 5%, without interpolation. `partial_auc`
    is the standardised area up to a false positive rate of 0.1 (McClish 1989), 0.5 for guessing.
    `ece` is the expected calibration error over bins of equal mass (Nguyen & O'Connor 2015). The
    others are scikit-learn's. When one class is missing, whatever needs both classes is NaN and
    `note` says so.

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
