"""The threshold above which a face is called fake: chosen on validation, never on test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DataError, UsageError, nearest
from .metrics import Ranking, rank

RULES = {
    "balanced_accuracy": "highest balanced accuracy on validation",
    "fpr_0_1": "at most 0.1% of the real validation faces called fake",
    "fpr_1": "at most 1% of the real validation faces called fake",
    "fpr_5": "at most 5% of the real validation faces called fake",
    "half": "fixed at 0.5",
}
ONE_IN = {"fpr_0_1": 1000, "fpr_1": 100, "fpr_5": 20}  # real faces, of which one may be accused
SHOWN_RULES = ("fpr_1", "balanced_accuracy", "half")  # in every report, whichever was chosen


def choose_threshold(
    labels: Sequence[int], scores: Sequence[float], rule: str = "balanced_accuracy"
) -> float:
    """Returns the threshold that `rule` picks on n validation faces.

    The cut lies half-way between two neighbouring scores, so equal scores are never split. Of
    equally good cuts `balanced_accuracy` takes the one nearest to 0.5 (the higher of two), and
    the rules for a false positive rate the highest. Compare with `score >= threshold` in float64.

    Args:
        labels: [n], 0 real and 1 fake.
        scores: [n], P(fake).
        rule: a key of RULES.

    Raises:
        UsageError: the rule is not known.
        DataError: a class is missing (except for `half`), or see `rank`.
    """
    if rule not in RULES:
        raise UsageError(
            f"No threshold rule is called '{rule}'.{nearest(rule, RULES)}",
            expected=", ".join(RULES),
        )
    ranking = rank(labels, scores)
    if rule == "half":
        return 0.5
    fakes = int(ranking.labels.sum())
    reals = len(ranking.labels) - fakes
    if not fakes or not reals:
        raise DataError(
            f"A threshold needs both classes, validation has {reals} real and {fakes} fake faces.",
            fix="add faces of the other class, or use the rule 'half'",
        )
    cuts = _cuts(ranking)
    called = np.concatenate([[0], ranking.ends + 1])
    hits = np.concatenate([[0.0], np.cumsum(ranking.labels)])[called]
    alarms = called - hits
    if rule in ONE_IN:
        allowed = np.flatnonzero(alarms * ONE_IN[rule] <= reals)
        return float(cuts[allowed[np.argmax(hits[allowed])]])
    gain = hits * reals - alarms * fakes  # whole numbers, so that ties are exact
    best = np.flatnonzero(gain == gain.max())
    return float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]])


def _cuts(ranking: Ranking) -> np.ndarray:
    """Returns one cut above all scores, then one below each distinct score, falling."""
    distinct = ranking.scores[ranking.ends]
    top = (1 + distinct[0]) / 2 if distinct[0] < 1 else np.nextafter(1.0, 2.0)
    middles = (distinct + np.append(distinct[1:], 0.0)) / 2
    below = np.append(distinct[1:], -1.0)
    middles = np.where(middles > below, middles, distinct)  # neighbours in floating point
    return np.concatenate([[top if top > distinct[0] else np.nextafter(1.0, 2.0)], middles])
