"""Two models on the same faces: differences with intervals and tests, and sentences for them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from ..errors import DataError
from .delong import compare_areas
from .ends import SAME, widening
from .mcnemar import compare_right
from .metrics import weighted_metrics
from .ranking import checked, rank
from .resampling import ResamplingPlan, plan_resampling, resample_metrics

Name = TypeVar("Name", bound=Hashable)

COMPARED = ("auc", "accuracy")
LEVEL = 0.05  # of the p-values after Holm's correction


@dataclass(frozen=True)
class Difference:
    """A number of model a minus that of model b on n faces, with a paired 95% bootstrap interval.

    Attributes:
        value, low, high: the difference and its interval; low and high are None where one unit
            (face or group) alone stands behind it, so that nothing says how it would vary.
        n: faces.
        p: two-sided, of the test for this number (DeLong's or McNemar's); None when not tested.
        adjusted: p after Holm's correction over all tests of a table; None when there is none.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    p: float | None = None
    adjusted: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Two models on the same faces: the difference in AUC and that in accuracy.

    `clustered` tells whether some group holds several faces, so that groups were resampled and
    the tests take groups, not faces, as independent.
    """

    auc: Difference
    accuracy: Difference
    clustered: bool = False


def compare(
    labels: Sequence[int],
    a: np.ndarray,
    b: np.ndarray,
    groups: Sequence | None,
    *,
    thresholds: tuple[Sequence[float], Sequence[float]] = ((0.5,), (0.5,)),
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Returns how much higher AUC and accuracy of scores `a` are than those of `b`, on n faces.

    Every resample holds the same faces for both, so what is hard for both cancels out. With
    several seeds a model's number is the mean of its seeds', as in `bootstrap_metrics`. The p of
    the AUC is DeLong's (`compare_areas`), that of the accuracy McNemar's (`compare_right`).

    Args:
        labels: [n], 0 real and 1 fake.
        a, b: [n], or [seeds, n], P(fake) by the two models.
        groups: [n], what belongs together, or None; see `bootstrap_metrics`.
        thresholds: of a and of b: one, or one for each seed.
        resamples: how many.
        seed: of the draws.

    Raises:
        DataError: see `rank` and `plan_resampling`.
    """
    ours, theirs = (np.atleast_2d(np.asarray(scores, dtype=np.float64)) for scores in (a, b))
    labels, _ = checked(labels, ours[0])
    limits = [
        np.broadcast_to(np.asarray(given, dtype=np.float64), len(matrix))
        for given, matrix in zip(thresholds, (ours, theirs), strict=True)
    ]
    plan = plan_resampling(labels, groups)
    values, drawn = _resampled(
        labels, (*ours, *theirs), np.concatenate(limits), plan, resamples, seed
    )
    right = [
        (matrix >= limit[:, None]) == labels
        for matrix, limit in zip((ours, theirs), limits, strict=True)
    ]
    tests = (_p_of_areas(labels, ours, theirs, groups), compare_right(*right, groups))
    units = (min(plan.units_with), plan.units)
    auc, accuracy = (
        _difference(values[name], drawn[name], len(ours), p, len(labels), count)
        for name, p, count in zip(COMPARED, tests, units, strict=True)
    )
    return Comparison(auc, accuracy, plan.clustered)


def compare_auc(
    labels: Sequence[int],
    a: Sequence[float] | np.ndarray,
    b: Sequence[float] | np.ndarray,
    groups: Sequence | None,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """Returns how much higher the AUC of scores `a` is than that of `b`; see `compare`."""
    return compare(labels, a, b, groups, resamples=resamples, seed=seed).auc


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for being k: Holm 1979 (Scandinavian J. of Statistics 6:65-70).

    The smallest is multiplied by k, the next by k - 1 and so on; none falls below one before it,
    none exceeds 1. Below 0.05 then means: the chance of even one false claim among all is at
    most 5%.
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    steps = np.minimum(given[order] * np.arange(len(given), 0, -1), 1.0)
    corrected = np.empty(len(given))
    corrected[order] = np.maximum.accumulate(steps)
    return corrected.tolist()


def adjust(comparisons: Mapping[Name, Comparison]) -> dict[Name, Comparison]:
    """Returns the comparisons of one table with `adjusted`: Holm over all their tests, AUC and
    accuracy together.
    """
    both = [part for each in comparisons.values() for part in (each.auc, each.accuracy)]
    tested = [part for part in both if part.p is not None]
    corrected = iter(holm([part.p for part in tested]))
    known = [part if part.p is None else replace(part, adjusted=next(corrected)) for part in both]
    pairs = zip(known[::2], known[1::2], strict=True)
    return {
        name: replace(each, auc=auc, accuracy=accuracy)
        for (name, each), (auc, accuracy) in zip(comparisons.items(), pairs, strict=True)
    }


def is_better(difference: Difference) -> bool:
    """Returns whether the difference survives: the interval lies above zero and p is below 0.05.

    The p is that after Holm's correction where there is one; without any test the interval
    decides alone.
    """
    return difference.low is not None and difference.low > 0 and _is_significant(difference)


def is_worse(difference: Difference) -> bool:
    """Returns whether the difference survives with the other sign; see `is_better`."""
    return difference.high is not None and difference.high < 0 and _is_significant(difference)


def describe_difference(
    difference: Difference, model: str = "The ensemble", other: str = "its best member"
) -> str:
    """Returns one sentence that claims no more than interval and test support."""
    n = f"{difference.n:,} faces"
    if is_better(difference):
        claim = f"{model} is better than {other} on {n}"
    elif is_worse(difference):
        claim = f"{model} is worse than {other} on {n}"
    else:
        claim = f"{model} and {other} cannot be told apart on {n}"
    p = "" if difference.p is None else f", p {format_p(_final_p(difference))}"
    ends = describe_ends(difference)
    return f"{claim} (difference in AUC {difference.value:+.3f}, {ends}{p})."


def describe_ends(difference: Difference) -> str:
    """Returns "interval -0.010 to +0.014", or that none can be given."""
    if difference.low is None or difference.high is None:
        return "no interval can be given: too few independent faces or groups"
    return f"interval {difference.low:+.3f} to {difference.high:+.3f}"


def format_difference(difference: Difference) -> str:
    """Returns "+0.012 [-0.004, +0.028]"; without brackets where no resample moved it, and where
    no interval can be given.
    """
    text = f"{difference.value:+.3f}"
    if difference.low is None or difference.low == difference.high:
        return text
    return f"{text} [{difference.low:+.3f}, {difference.high:+.3f}]"


def format_p(p: float | None) -> str:
    """Returns "0.043", "< 0.001", or a dash when there is none."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _final_p(difference: Difference) -> float | None:
    return difference.p if difference.adjusted is None else difference.adjusted


def _is_significant(difference: Difference) -> bool:
    p = _final_p(difference)
    return p is None or p < LEVEL


def _resampled(
    labels: np.ndarray,
    rows: Sequence[np.ndarray],
    cuts: np.ndarray,
    plan: ResamplingPlan,
    resamples: int,
    seed: int,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns by name the numbers of each row of scores, [rows], and on resamples [rows, r]."""
    rankings = [rank(labels, row) for row in rows]
    drawn = resample_metrics(plan, rankings, cuts, names=COMPARED, resamples=resamples, seed=seed)
    ones = np.ones((1, len(labels)))
    found = [
        weighted_metrics(ranking, ones, limit, COMPARED)
        for ranking, limit in zip(rankings, cuts, strict=True)
    ]
    return {name: np.array([float(each[name][0]) for each in found]) for name in COMPARED}, drawn


def _difference(
    values: np.ndarray, drawn: np.ndarray, count: int, p: float, n: int, units: int
) -> Difference:
    """Returns the mean of the first `count` rows minus that of the others, with its ends.

    The ends lie the resamples' standard error to each side, widened for few units: a difference
    is not skewed as its two numbers are, and percentiles were too narrow in simulation. One unit
    is drawn again as itself: its spread of zero is no interval.
    """
    gaps = drawn[:count].mean(axis=0) - drawn[count:].mean(axis=0)
    value = float(values[:count].mean() - values[count:].mean())
    if units < 2 or len(gaps) < 2:
        return Difference(value, None, None, n, p)
    half = widening(units) * float(gaps.std(ddof=1)) if np.ptp(gaps) > SAME else 0.0
    return Difference(value, max(value - half, -1.0), min(value + half, 1.0), n, p)


def _p_of_areas(
    labels: np.ndarray, ours: np.ndarray, theirs: np.ndarray, groups: Sequence | None
) -> float:
    """Returns DeLong's p; 1 where a class has too few faces or groups for a variance."""
    try:
        return compare_areas(labels, ours, theirs, groups).p
    except DataError:
        return 1.0
