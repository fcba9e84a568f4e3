"""Labels and scores sorted once, and the sums that every metric is made of, for many weightings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import DataError

BINS = 10  # of equal mass, for the calibration error
LOG_EDGE = np.finfo(np.float64).eps  # what scikit-learn keeps scores away from 0 and 1


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


def bin_numbers(scores: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Returns the bin of each of n scores, int64 [n]: bins of about equal size, ties together.

    Few distinct scores leave some of the `bins` empty.
    """
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, scores, side="right")


class Columns:
    """What each ranked face adds to the sums behind the metrics, float64 [n, columns].

    Args:
        ranking: n faces.
        threshold: faces with a score at or above it are called fake.
    """

    names = ("reals", "fakes", "alarms", "hits", "losses", "squares")

    def __init__(self, ranking: Ranking, threshold: float):
        self.ranking, self.threshold = ranking, threshold

    @cached_property
    def table(self) -> np.ndarray:
        """One column for each of `names`, then one a bin of the calibration error."""
        fakes, scores = self.ranking.labels, self.ranking.scores
        called = scores >= self.threshold
        clipped = np.clip(scores, LOG_EDGE, 1 - LOG_EDGE)
        losses = -np.where(fakes == 1, np.log(clipped), np.log(1 - clipped))
        gaps = np.zeros((len(scores), BINS))
        gaps[np.arange(len(scores)), bin_numbers(scores)] = scores - fakes
        simple = (1 - fakes, fakes, (1 - fakes) * called, fakes * called, losses)
        return np.column_stack([*simple, (scores - fakes) ** 2, gaps])


class WeightedCounts:
    """Sums of r weightings of one ranking, made when first asked for.

    Args:
        columns: n faces with u distinct scores, and a threshold.
        weights: float64 [r, n] in ranked order, none negative.
    """

    def __init__(self, columns: Columns, weights: np.ndarray):
        self.ranking, self.columns, self.weights = columns.ranking, columns, weights

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
    def _sums(self) -> np.ndarray:
        return self.weights @ self.columns.table

    def total(self, name: str) -> np.ndarray:
        """Returns the weighted sum of one of `Columns.names`, float64 [r]."""
        return self._sums[:, Columns.names.index(name)]

    @cached_property
    def gaps(self) -> np.ndarray:
        """Weighted sum of score minus label in each bin, float64 [r, BINS]."""
        return self._sums[:, len(Columns.names) :]

    def first_place(self, reached: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """Returns for each weighting the first distinct score where `reached` holds, int64 [r].

        Args:
            reached: from rows and places, int64 [r] each, to bool [r]; once true along the places
                it stays true. A row where it is never true gets u.
        """
        count, places = len(self.weights), len(self.ranking.ends)
        rows, low, high = np.arange(count), np.zeros(count, np.int64), np.full(count, places)
        while (low < high).any():
            middle = (low + high) // 2
            found = reached(rows, np.minimum(middle, places - 1))
            high = np.where(found, middle, high)
            low = np.where(found | (low >= high), low, middle + 1)
        return low

    def _at_ends(self, sums: np.ndarray) -> np.ndarray:
        return sums if len(self.ranking.ends) == sums.shape[1] else sums[:, self.ranking.ends]
