"""DeLong's test: the areas under several ROC curves on the same faces, and how they vary together.

DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44:837-845), computed from mid-ranks as Sun & Xu
2014 (IEEE Signal Processing Letters 21:1389-1393) do: n log n instead of all pairs of a real and a
fake face. Faces of one group (a person, a clip) are not independent; then the variance is that of
Obuchowski 1997 (Biometrics 53:567-578), which is DeLong's when every face is its own group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata
from scipy.stats import t as student

from ..errors import DataError
from .ranking import checked

NO_SPREAD = 1e-14  # a variance below this is rounding


@dataclass(frozen=True)
class Areas:
    """AUCs of k score vectors on the same faces.

    Attributes:
        values: float64 [k].
        covariance: float64 [k, k].
        units: real and fake units that the variance rests on: faces, or groups that hold such.
        clustered: whether some group holds several faces.
    """

    values: np.ndarray
    covariance: np.ndarray
    units: tuple[int, int]
    clustered: bool = False


@dataclass(frozen=True)
class AreaTest:
    """A difference of AUCs with its standard error, z and two-sided p."""

    value: float
    error: float
    z: float
    p: float


def structural_components(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each face the share of faces of the other class that it is ordered rightly with.

    Args:
        labels: int [n], 0 real and 1 fake.
        scores: float64 [k, n].

    Returns:
        float64 [k, fakes] and [k, reals]; a tie counts half. Their means are the AUCs.
    """
    fake = labels == 1
    fakes, reals = int(fake.sum()), int((~fake).sum())
    everywhere = rankdata(scores, axis=1)
    among_fakes = rankdata(scores[:, fake], axis=1)
    among_reals = rankdata(scores[:, ~fake], axis=1)
    of_fakes = (everywhere[:, fake] - among_fakes) / reals
    of_reals = 1 - (everywhere[:, ~fake] - among_reals) / fakes
    return of_fakes, of_reals


def delong(labels: Sequence[int], scores: np.ndarray, groups: Sequence | None = None) -> Areas:
    """Returns the AUCs of k score vectors on n faces and their covariance.

    Args:
        labels: [n], 0 real and 1 fake.
        scores: [k, n], P(fake).
        groups: [n], what belongs together, or None for independent faces.

    Raises:
        DataError: scores and labels do not fit, or a class has fewer than two faces or groups.
    """
    matrix = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    for row in matrix:
        labels, _ = checked(labels, row)
    codes = np.arange(len(labels))
    if groups is not None:
        codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1].reshape(-1)
    fake = labels == 1
    units = tuple(len(np.unique(codes[side])) for side in (~fake, fake))
    if min(units) < 2:
        raise DataError(
            f"{units[0]} real and {units[1]} fake units are too few for a variance.",
            expected="at least two faces, or groups, of each class",
            fix="add faces of the other class to this split",
        )
    of_fakes, of_reals = structural_components(labels, matrix)
    values = of_fakes.mean(axis=1)
    count = int(codes.max()) + 1
    fake_sums = _sums(of_fakes - values[:, None], codes[fake], count) / fake.sum()
    real_sums = _sums(of_reals - values[:, None], codes[~fake], count) / (~fake).sum()
    mixed = count / (count - 1) * fake_sums @ real_sums.T
    covariance = (
        units[1] / (units[1] - 1) * fake_sums @ fake_sums.T
        + units[0] / (units[0] - 1) * real_sums @ real_sums.T
        + mixed
        + mixed.T
    )
    return Areas(values, covariance, units, count < len(labels))


def compare_areas(
    labels: Sequence[int],
    a: np.ndarray,
    b: np.ndarray,
    groups: Sequence | None = None,
) -> AreaTest:
    """Returns the AUC of scores `a` minus that of `b` on the same n faces, with DeLong's test.

    With several seeds the AUC of a model is the mean of its seeds'. With groups p is Student's,
    for as many groups as the smaller class has: few of them do not tell their variance well. Where
    nothing varies (both orders are the same for every face, or one is perfect and the other
    constant) no z exists: p is 1 for a difference of zero, else that of a sign test over the units
    of the smaller class.

    Args:
        labels: [n], 0 real and 1 fake.
        a, b: [n] or [seeds, n], P(fake) by the two models.
        groups: [n], what belongs together, or None.

    Raises:
        DataError: see `delong`.
    """
    ours, theirs = (np.atleast_2d(np.asarray(scores, dtype=np.float64)) for scores in (a, b))
    areas = delong(labels, np.concatenate([ours, theirs]), groups)
    shares = [np.full(len(ours), 1 / len(ours)), np.full(len(theirs), -1 / len(theirs))]
    contrast = np.concatenate(shares)
    value = float(contrast @ areas.values)
    variance = float(contrast @ areas.covariance @ contrast)
    if variance > NO_SPREAD:
        error = math.sqrt(variance)
        far = student(min(areas.units) - 1).sf if areas.clustered else norm.sf
        return AreaTest(value, error, value / error, float(2 * far(abs(value) / error)))
    if abs(value) < math.sqrt(NO_SPREAD):
        return AreaTest(value, 0.0, 0.0, 1.0)
    return AreaTest(value, 0.0, math.copysign(math.inf, value), 2.0 ** (1 - min(areas.units)))


def _sums(components: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Returns the sum of components over each group, float64 [k, groups]."""
    return np.stack([np.bincount(codes, weights=row, minlength=count) for row in components])
