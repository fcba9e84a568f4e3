"""95% intervals for all metrics: closed forms for shares, a stratified bootstrap for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .ends import NO_ENDS, Ends, ece_ends, recall_at_ends, transformed_ends
from .metrics import FPR_TARGETS, METRICS, check_names
from .ranking import Columns, WeightedCounts, checked, rank
from .rates import Z_95, Interval, Share, mean_of, rates_of, wilson
from .resampling import (
    ResamplingPlan,
    draw_unit_weights,
    plan_resampling,
    resample_counts,
    resample_metrics,
    thread_pools,
)

__all__ = [
    "Z_95",
    "Interval",
    "ResamplingPlan",
    "bootstrap_metrics",
    "draw_unit_weights",
    "plan_resampling",
    "resample_metrics",
    "wilson",
]

CLOSED = ("accuracy", "recall_fake", "recall_real", "balanced_accuracy", *FPR_TARGETS)


def bootstrap_metrics(
    labels: Sequence[int],
    scores: np.ndarray,
    groups: Sequence | None,
    threshold: float | Sequence[float],
    *,
    resamples: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] = tuple(METRICS),
    one_class: bool = False,
) -> dict[str, Interval]:
    """Returns each metric with its 95% interval.

    - Accuracy and recalls: Wilson's, for as many independent faces as the faces are worth (see
      `rates.share_of`); balanced accuracy from those of both recalls (`rates.mean_of`).
    - Recall at a false positive rate: `ends.recall_at_ends`. Calibration error: `ends.ece_ends`.
    - The rest: the standard error over bootstrap resamples (Efron & Tibshirani 1993) on a scale
      without ends (`ends.transformed_ends`). Faces are drawn within each class. When a group
      holds several faces, whole groups are drawn, within those that hold real faces only, fake
      faces only, or both. The bins of the calibration error stay those of all faces.

    With several seeds the value is the mean over seeds, every seed sees the same resamples, and
    the interval tells how the mean would vary with other faces; `seed_spread` tells how it varies
    with the training. What cannot vary (the AUC of a constant score) has no interval.

    Args:
        labels: [n], 0 real and 1 fake.
        scores: [n], or [seeds, n], P(fake).
        groups: [n], what belongs together, or None.
        threshold: for all seeds, or one for each.
        resamples: how many.
        seed: of the draws.
        metrics: keys of METRICS.
        one_class: whether one class alone is welcome; ask for metrics that need no other then.

    Raises:
        DataError: see `rank` and `plan_resampling`.
        UsageError: a metric is not known.
    """
    check_names(metrics)
    matrix = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    labels, _ = checked(labels, matrix[0])
    thresholds = np.broadcast_to(np.asarray(threshold, dtype=np.float64), len(matrix))
    plan = plan_resampling(labels, groups, one_class=one_class)
    evidence = _Evidence(labels, matrix, thresholds, plan)
    drawn = _draw(evidence, [name for name in metrics if name not in CLOSED], resamples, seed)
    found = {}
    for name in metrics:
        values = evidence.values(name)
        low, high = _ends(name, evidence, drawn)
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        found[name] = Interval(float(values.mean()), low, high, spread)
    return found


@dataclass(frozen=True)
class _Evidence:
    """n faces with scores of several seeds: what all intervals are made from."""

    labels: np.ndarray
    matrix: np.ndarray
    thresholds: np.ndarray
    plan: ResamplingPlan

    @cached_property
    def columns(self) -> list[Columns]:
        pairs = zip(self.matrix, self.thresholds, strict=True)
        return [Columns(rank(self.labels, row), limit) for row, limit in pairs]

    @cached_property
    def counts(self) -> list[WeightedCounts]:
        ones = np.ones((1, len(self.labels)))
        return [WeightedCounts(each, ones) for each in self.columns]

    @cached_property
    def rates(self) -> dict[str, Share]:
        called = self.matrix >= self.thresholds[:, None]
        return rates_of(self.labels, called, self.plan.unit_of_face, self.plan.units)

    @property
    def smaller_class(self) -> int:
        """The number of faces or groups of the class that has fewer, of those that are there."""
        return min(count for count in self.plan.units_with if count)

    def values(self, name: str) -> np.ndarray:
        """Returns a metric of each seed, float64 [seeds]."""
        return np.array([float(METRICS[name](one)[0]) for one in self.counts])


def _draw(
    evidence: _Evidence, names: Sequence[str], resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Returns each metric's mean over seeds for each resample; of the calibration error its gaps.

    float64 [resamples]; for `ece` [resamples, seeds * bins], so that their absolute sum is it.
    """
    if not names:
        return {}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    with thread_pools().limit(limits=1):
        for counts in resample_counts(evidence.plan, evidence.columns, resamples, seed):
            for name in names:
                parts[name].append(_one(name, counts))
    return {name: np.concatenate(chunks) for name, chunks in parts.items()}


def _one(name: str, counts: Sequence[WeightedCounts]) -> np.ndarray:
    if name == "ece":
        return _gaps(counts)
    return np.mean([METRICS[name](one) for one in counts], axis=0)


def _gaps(counts: Sequence[WeightedCounts]) -> np.ndarray:
    shares = [one.gaps / one.weights.sum(axis=1, keepdims=True) for one in counts]
    return np.concatenate(shares, axis=1) / len(counts)


def _ends(name: str, evidence: _Evidence, drawn: dict[str, np.ndarray]) -> Ends:
    if name in CLOSED:
        return _closed_ends(name, evidence)
    if name == "ece":
        return ece_ends(_gaps(evidence.counts)[0], drawn[name], evidence.smaller_class)
    value = float(evidence.values(name).mean())
    return transformed_ends(name, value, drawn[name], evidence.smaller_class)


def _closed_ends(name: str, evidence: _Evidence) -> Ends:
    rates = evidence.rates
    if name in rates:
        interval = rates[name].interval
        return interval.low, interval.high
    if not {"recall_fake", "recall_real"} <= set(rates):
        return NO_ENDS
    fakes, reals = rates["recall_fake"], rates["recall_real"]
    if name == "balanced_accuracy":
        interval = mean_of(fakes, reals)
        return interval.low, interval.high
    value = float(evidence.values(name).mean())
    rankings = [each.ranking for each in evidence.columns]
    return recall_at_ends(rankings, FPR_TARGETS[name], value, fakes, reals)
