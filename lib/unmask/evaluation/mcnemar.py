"""McNemar's test: do two detectors get the same share of the same faces right?

Only faces that one detector gets right and the other wrong say anything (McNemar 1947,
Psychometrika 12:153-157). Faces of one group (a person, a clip) are not independent: there the
net gains of whole groups are what may have fallen either way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom, norm

from ..errors import DataError

FEW = 25  # discordant faces or groups up to which the exact test is used
MOST_STEPS = 200_000_000  # additions that an exact distribution over groups may cost


def mcnemar(only_first: int, only_second: int) -> float:
    """Returns the two-sided p for counts of faces that only one of two detectors gets right.

    Up to 25 such faces the exact binomial test; above, its mid-p version, which is no longer
    conservative and needs no normal approximation (Fagerland, Lydersen & Laake 2013, BMC Medical
    Research Methodology 13:91).

    Raises:
        DataError: a count is negative.
    """
    if min(only_first, only_second) < 0:
        raise DataError(f"Counts {only_first} and {only_second} cannot be.", expected="0 or more")
    count, fewer = only_first + only_second, min(only_first, only_second)
    if count == 0:
        return 1.0
    p = 2 * float(binom.cdf(fewer, count, 0.5))
    if count > FEW:
        p -= float(binom.pmf(fewer, count, 0.5))
    return min(p, 1.0)


def compare_right(a: np.ndarray, b: np.ndarray, groups: Sequence | None = None) -> float:
    """Returns the two-sided p for "a and b get the same share of faces right".

    With one training each and independent faces it is `mcnemar`. With several seeds a face counts
    by the share of seeds that get it right; with groups the faces of a group are added up. Then
    the sign of each net gain is as likely plus as minus if both are equal, and the distribution of
    their sum follows exactly (a sign-flip test; for gains of one face it is McNemar's again). It
    is approximated by a normal one only where the exact one would take too long.

    Args:
        a, b: bool [seeds, n], whether each seed of the two detectors gets each face right.
        groups: [n], what belongs together, or None.

    Raises:
        DataError: a and b are about different numbers of faces.
    """
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    if a.shape[1] != b.shape[1]:
        raise DataError(f"{a.shape[1]} and {b.shape[1]} verdicts.", expected="on the same faces")
    net = a.sum(axis=0, dtype=np.int64) * len(b) - b.sum(axis=0, dtype=np.int64) * len(a)
    if groups is not None:
        codes = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1].reshape(-1)
        net = np.bincount(codes, weights=net).round().astype(np.int64)
    gains = net[net != 0]
    if not len(gains):
        return 1.0
    sizes = np.abs(gains)
    sizes //= np.gcd.reduce(sizes)
    if sizes.max() == 1:
        return mcnemar(int((gains > 0).sum()), int((gains < 0).sum()))
    return _flip_signs(np.sign(gains) * sizes)


def _flip_signs(gains: np.ndarray) -> float:
    """Returns the two-sided p of the sum of `gains` under all ways to choose their signs."""
    sizes, total = np.abs(gains), abs(int(gains.sum()))
    span = int(sizes.sum())
    if len(gains) * (span + 1) > MOST_STEPS:
        return float(2 * norm.sf(total / math.sqrt(float((sizes**2).sum()))))
    chance = np.zeros(span + 1)  # of the sum of those with a plus
    chance[0], reach = 1.0, 0
    for size in np.sort(sizes):
        chance[size : reach + size + 1] += chance[: reach + 1].copy()
        reach += int(size)
        chance[: reach + 1] /= 2
    sums = 2 * np.arange(span + 1) - span
    p = float(chance[np.abs(sums) >= total].sum())
    if len(gains) > FEW:
        p -= float(chance[np.abs(sums) == total].sum()) / 2
    return min(p, 1.0)
