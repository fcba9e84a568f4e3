"""How differently members judge: what an ensemble can gain from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..scores import select_scores
from .table import member_names


@dataclass(frozen=True)
class VerdictPairs:
    """How the verdicts of each pair of members go together.

    Attributes:
        names: of the k members.
        disagreement: float64 `[k, k]`, share of faces that the two call differently.
        both_wrong: float64 `[k, k]`, share of faces that both call wrong ("double fault"); on
            the diagonal a member's own errors. No ensemble of the two can put these right by
            vote (Kuncheva and Whitaker, 2003, Machine Learning 51:181).
        n: faces.
    """

    names: tuple[str, ...]
    disagreement: np.ndarray
    both_wrong: np.ndarray
    n: int

    def sentence(self) -> str:
        """Returns the pair that disagrees most and the one that does least, for the reader."""
        if len(self.names) < 2:
            return ""
        pairs = [
            (float(self.disagreement[one, other]), self.names[one], self.names[other])
            for one in range(len(self.names))
            for other in range(one + 1, len(self.names))
        ]
        (most, *apart), (least, *alike) = max(pairs), min(pairs)
        text = (
            f"{apart[0]} and {apart[1]} call {most:.1%} of {self.n:,} validation faces differently"
        )
        if len(pairs) == 1:
            return f"{text}."
        return f"{text}, {alike[0]} and {alike[1]} only {least:.1%}."


def verdict_pairs(wide: pd.DataFrame, thresholds: Mapping[str, float]) -> VerdictPairs:
    """Returns how members' verdicts on validation faces go together.

    Args:
        wide: a table made by `combine`.
        thresholds: each member's, chosen on validation; at or above it a face is called fake.
    """
    names = member_names(wide)
    val = select_scores(wide, "val")
    limits = np.array([thresholds[name] for name in names])
    called = val[names].to_numpy() >= limits
    wrong = (called != (val["label"].to_numpy() == 1)[:, None]).astype(np.float64)
    called = called.astype(np.float64)
    count = len(val)
    together = called.T @ called
    ones = called.sum(axis=0)
    disagreement = (ones[:, None] + ones[None, :] - 2 * together) / count
    return VerdictPairs(tuple(names), disagreement, wrong.T @ wrong / count, count)
