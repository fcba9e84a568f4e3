"""Shares of faces (accuracy, recalls) with 95% intervals in closed form, also for grouped faces."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import t as student

from ..errors import DataError

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval; `seed_spread` is the standard deviation over seeds.

    `low` and `high` are None where no interval can be given, see `intervals.bootstrap_metrics`.
    """

    value: float
    low: float | None
    high: float | None
    seed_spread: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """Returns the fields as plain data, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Share:
    """A share of n faces, and how many independent faces would pin it down as well.

    Attributes:
        interval: the share with its Wilson interval.
        n_effective: n for independent faces and one seed, less where faces of a group are alike,
            more where several seeds are averaged; None where one group alone holds all faces.
        residuals: float64 [units], what each unit adds to the share's error.
    """

    interval: Interval
    n_effective: float | None
    residuals: np.ndarray


def wilson(successes: float, n: float, quantile: float = Z_95) -> Interval:
    """Returns a share with Wilson's 95% score interval (Wilson 1927, JASA 22:209-212).

    Counts need not be whole: the mean over seeds of a count of faces is none.

    Args:
        successes: 0 to n.
        n: how many, or how many independent ones would be worth as much.
        quantile: standard errors to each side; more than the normal's where few groups stand
            behind the estimate.

    Raises:
        DataError: n is not positive, or successes are not between 0 and n.
    """
    if n <= 0 or not 0 <= successes <= n:
        raise DataError(
            f"{successes} of {n} is not a share.", expected="0 <= successes <= n, n > 0"
        )
    share, square = successes / n, quantile**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = quantile / (1 + square / n) * np.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if successes == 0 else float(middle - half)
    high = 1.0 if successes == n else float(middle + half)
    return Interval(float(share), low, high)


def t_quantile(units: int) -> float:
    """Returns the 97.5% quantile of Student's t for an error estimated from `units` units."""
    return float(student.ppf(0.975, units - 1))


def share_of(outcomes: np.ndarray, units: np.ndarray, unit_count: int) -> Share:
    """Returns the mean of outcomes of n faces, with Wilson's interval for what they are worth.

    Independent faces and one seed: Wilson's interval. Otherwise the variance of the mean is
    estimated from the totals of the units (linearised, as for a ratio of totals) and Wilson's
    interval is taken for as many independent faces as would give this variance, never more than
    without groups, with Student's t for the number of units (Korn & Graubard 1998, Survey
    Methodology 24:193-201). A share of 0 or 1 shows no variance: it counts each unit once.

    Args:
        outcomes: float64 [n], 1 right and 0 wrong; with several seeds the mean of theirs.
        units: int64 [n], the unit (group, or face) of each face, below `unit_count`.
        unit_count: how many units there are, also without faces in `outcomes`.
    """
    n, value = len(outcomes), float(outcomes.mean())
    held = np.bincount(units, minlength=unit_count)
    count = int((held > 0).sum())
    residuals = np.bincount(units, weights=outcomes - value, minlength=unit_count) / n
    if count < 2:
        return Share(Interval(value, None, None), None, residuals)
    grouped = bool(held.max() > 1)
    single = value * (1 - value) / max(float(np.mean((outcomes - value) ** 2)) / n, 1e-300)
    if value in (0.0, 1.0):
        effective = float(count)
    elif grouped:
        variance = count / (count - 1) * float(residuals @ residuals)
        effective = min(value * (1 - value) / max(variance, 1e-300), single)
    else:
        effective = float(n) if np.isin(outcomes, (0, 1)).all() else single
    quantile = t_quantile(count) if grouped else Z_95
    ends = wilson(value * effective, effective, quantile)
    return Share(Interval(value, ends.low, ends.high), effective, residuals)


def mean_of(first: Share, second: Share) -> Interval:
    """Returns the mean of two shares with its interval, recovered from theirs (MOVER).

    Source: Zou & Donner 2008 (Statistics in Medicine 27:1693-1702), with the correlation that
    units holding faces of both give. That errors cancel within units is believed less, the fewer
    units show it.
    """
    ours, theirs = first.interval, second.interval
    value = (ours.value + theirs.value) / 2
    if ours.low is None or theirs.low is None:
        return Interval(value, None, None)
    size = np.sqrt((first.residuals @ first.residuals) * (second.residuals @ second.residuals))
    products = first.residuals * second.residuals
    alike = float(products.sum() / size) if size > 0 else 0.0
    alike = max(alike, min(0.0, 4 / max(np.count_nonzero(products), 1) - 1))

    def half(ours: float, theirs: float) -> float:
        return float(np.sqrt(max(ours**2 + theirs**2 + 2 * alike * ours * theirs, 0.0))) / 2

    down = half(ours.value - ours.low, theirs.value - theirs.low)
    up = half(ours.high - ours.value, theirs.high - theirs.value)
    return Interval(value, value - down, value + up)


def rates_of(
    labels: np.ndarray, called: np.ndarray, units: np.ndarray, unit_count: int
) -> dict[str, Share]:
    """Returns accuracy, and recall_fake and recall_real for the classes that are there.

    Args:
        labels: int64 [n], 1 for fake.
        called: bool [seeds, n], whether a face is called fake.
        units: int64 [n], the unit of each face, below `unit_count`.
        unit_count: how many units there are.
    """
    right = np.where(labels == 1, called, ~called).mean(axis=0)
    found = {"accuracy": share_of(right, units, unit_count)}
    for name, label in (("recall_fake", 1), ("recall_real", 0)):
        inside = labels == label
        if inside.any():
            found[name] = share_of(right[inside], units[inside], unit_count)
    return found
