"""Which faces a detector is most wrong about, and which it is surest and right about."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..scores import score_matrix

# What a verdict on a face amounts to, by (label, whether it was called fake).
KINDS = {
    (1, False): "fake called real",
    (0, True): "real called fake",
    (1, True): "fake called fake",
    (0, False): "real called real",
}
WRONG = ("fake called real", "real called fake")
RIGHT = ("fake called fake", "real called real")


@dataclass(frozen=True)
class Verdicts:
    """The faces of one set by what the detector called them.

    Attributes:
        by_kind: for each value of KINDS its faces, a row a face, the surest verdict first; the
            column `score` is the mean over trainings.
        trainings: how many seeds the mean is over.
    """

    by_kind: dict[str, pd.DataFrame]
    trainings: int

    def total(self, label: int) -> int:
        """Returns how many faces of a class there are."""
        return sum(len(self.by_kind[KINDS[label, called]]) for called in (False, True))

    def counts(self, kind: str) -> str:
        """Returns "12 of 196", and over how many trainings the scores are means."""
        label = 1 if kind.startswith("fake") else 0
        text = f"{len(self.by_kind[kind]):,} of {self.total(label):,}"
        return text + (f", by the mean of {self.trainings} trainings" if self.trainings > 1 else "")


def judge(frame: pd.DataFrame, threshold: float) -> Verdicts:
    """Returns every face of `frame` under what it was called, the surest verdicts first.

    Args:
        frame: rows of a scores table after `attach_faces`, usually its test split; seeds are
            averaged.
        threshold: faces with a score at or above it are called fake.
    """
    table, matrix = score_matrix(frame)
    table = table.assign(score=matrix.mean(axis=0))
    called = table["score"] >= threshold
    by_kind = {
        kind: table[(table["label"] == label) & (called == verdict)].sort_values(
            "score", ascending=not verdict
        )
        for (label, verdict), kind in KINDS.items()
    }
    return Verdicts(by_kind, len(matrix))
