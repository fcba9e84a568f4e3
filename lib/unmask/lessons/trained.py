"""What one training leaves for a lesson; read without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Trained:
    """What one training leaves.

    Attributes:
        scores: face_id, split (train, val, test), label, score, and the columns of the faces
            table, of the epoch that validation chose.
        epochs: epoch (from 1), val_auc, test_auc, a row an epoch.
        by_epoch: face_id, split, label, score, epoch: of val and test after each epoch.
        chosen: the epoch of the highest AUC on validation, the first of equals.
    """

    scores: pd.DataFrame
    epochs: pd.DataFrame
    by_epoch: pd.DataFrame
    chosen: int

    def of(self, split: str) -> pd.DataFrame:
        """Returns the scores of one split at the chosen epoch."""
        return self.scores[self.scores["split"] == split]
