"""Two models on the same faces: the difference with its interval, and the sentence for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import plan_resampling, resample_metrics
from .metrics import checked, compute_metrics, rank


@dataclass(frozen=True)
class Difference:
    """AUC of a minus AUC of b on n faces, with a paired 95% bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def compare_auc(
    labels: Sequence[int],
    a: Sequence[float],
    b: Sequence[float],
    groups: Sequence | None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """Returns how much higher the AUC of scores `a` is than that of `b`, on the same n faces.

    Every resample holds the same faces for both, so what is hard for both cancels out.

    Args:
        labels: [n], 0 real and 1 fake.
        a, b: [n], P(fake) by the two models.
        groups: [n], what belongs together, or None; see `bootstrap_metrics`.
        resamples: how many.
        seed: of the draws.

    Raises:
        DataError: see `rank` and `plan_resampling`.
    """
    labels, _ = checked(labels, a)
    plan = plan_resampling(labels, groups)
    drawn = resample_metrics(
        plan,
        [rank(labels, a), rank(labels, b)],
        [0.5, 0.5],
        names=("auc",),
        resamples=resamples,
        seed=seed,
    )["auc"]
    low, high = np.percentile(drawn[0] - drawn[1], (2.5, 97.5))
    value = compute_metrics(labels, a, 0.5)["auc"] - compute_metrics(labels, b, 0.5)["auc"]
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
