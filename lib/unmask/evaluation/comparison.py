"""Two models on the same faces: the difference with its interval, and the sentence for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import plan_resampling, resample_metrics
from .metrics import checked, rank, weighted_metrics


@dataclass(frozen=True)
class Difference:
    """AUC of a minus AUC of b on n faces, with a paired 95% bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def compare_auc(
    labels: Sequence[int],
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    groups: Sequence | None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """Returns how much higher the AUC of scores `a` is than that of `b`, on the same n faces.

    Every resample holds the same faces for both, so what is hard for both cancels out. With
    several seeds the AUC of a model is the mean of its seeds', as in `bootstrap_metrics`.

    Args:
        labels: [n], 0 real and 1 fake.
        a, b: [n], or [seeds, n], P(fake) by the two models.
        groups: [n], what belongs together, or None; see `bootstrap_metrics`.
        resamples: how many.
        seed: of the draws.

    Raises:
        DataError: see `rank` and `plan_resampling`.
    """
    ours, theirs = (np.atleast_2d(np.asarray(scores, dtype=np.float64)) for scores in (a, b))
    labels, _ = checked(labels, ours[0])
    rankings = [rank(labels, row) for row in (*ours, *theirs)]
    plan = plan_resampling(labels, groups)
    drawn = resample_metrics(
        plan, rankings, [0.5] * len(rankings), names=("auc",), resamples=resamples, seed=seed
    )["auc"]
    ones = np.ones((1, len(labels)))
    areas = np.array(
        [weighted_metrics(ranking, ones, 0.5, ("auc",))["auc"] for ranking in rankings]
    )
    count = len(ours)
    low, high = np.percentile(drawn[:count].mean(axis=0) - drawn[count:].mean(axis=0), (2.5, 97.5))
    value = areas[:count].mean() - areas[count:].mean()
    return Difference(float(value), float(low), float(high), len(labels))


def is_better(difference: Difference) -> bool:
    """Returns whether the whole interval lies above zero."""
    return difference.low > 0


def describe_difference(
    difference: Difference, model: str = "The ensemble", other: str = "its best member"
) -> str:
    """Returns one sentence that claims no more than the interval supports."""
    if is_better(difference):
        claim = "is better than"
    elif difference.high < 0:
        claim = "is worse than"
    else:
        claim = "is no better than"
    return (
        f"{model} {claim} {other} on {difference.n:,} faces (difference in AUC "
        f"{difference.value:+.3f}, interval {difference.low:+.3f} to {difference.high:+.3f})."
    )
