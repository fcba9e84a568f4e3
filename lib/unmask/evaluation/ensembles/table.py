"""The table that ensembles are made from, one row a face and a column a member; what one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...errors import DataError, UsageError
from ..scores import cluster_ids, score_matrix
from .joiner import Joiner

KEYS = ("face_id", "split", "label", "cluster")


@dataclass(frozen=True)
class Ensemble:
    """An ensemble's scores and how much each member counts in it.

    Attributes:
        scores: face_id, split, label, score, seed (0).
        weights: by member: shares that sum to 1, or for the stack coefficients of the logits.
        note: what a reader must know about these scores, a sentence.
        about: how the members are joined, a few words.
        path: for a greedy selection, the member picked and the validation AUC after each pick.
        joiner: does to the scores of a new face what was done here; None where nobody needs it.
    """

    scores: pd.DataFrame
    weights: dict[str, float]
    note: str
    about: str = ""
    path: tuple[tuple[str, float], ...] = ()
    joiner: Joiner | None = None

    def used(self) -> list[str]:
        """Returns the members that count at all: the others need not be run to score a face."""
        return [name for name, weight in self.weights.items() if weight != 0]


def combine(members: dict[str, pd.DataFrame], column: str = "score") -> pd.DataFrame:
    """Returns one row a face: face_id, split, label, cluster and a column a member.

    A member's several seeds are averaged. `cluster` is the group or file of a face where the
    tables carry it (after `attach_faces`), so that folds keep groups together.

    Args:
        members: a scores table for each name.
        column: `score` or `calibrated`.

    Raises:
        DataError: fewer than two members, or members differ in faces, splits or labels.
        UsageError: a member is called as a column of the table is.
    """
    for name in members:
        if name in KEYS:
            raise UsageError(
                f"A detector is called {name!r}, as a column of every table of scores is.",
                expected="a name other than " + ", ".join(KEYS),
                fix="give it another label and train it again",
            )
    if len(members) < 2:
        raise DataError(
            f"{len(members)} member models cannot make an ensemble.",
            expected="the scores of two or more",
            fix="train more members, or leave the ensemble out",
        )
    wide = None
    for name, frame in members.items():
        faces, matrix = score_matrix(frame, column)
        table = faces[["face_id", "split", "label"]].assign(cluster=cluster_ids(faces))
        table[name] = matrix.mean(axis=0)
        if wide is None:
            wide = table
            continue
        if not wide[["face_id", "split", "label"]].equals(table[["face_id", "split", "label"]]):
            raise DataError(
                f"{name} scored other faces, splits or labels than {next(iter(members))}.",
                expected="all members scored on the same faces",
                fix="train the members again on the same preprocessing run",
            )
        wide[name] = table[name]
    return wide


def member_names(wide: pd.DataFrame) -> list[str]:
    """Returns the member columns of a table made by `combine`."""
    return [name for name in wide if name not in KEYS]


def scores_frame(wide: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Returns the scores table of an ensemble: `scores` `[n]` for the rows of `wide`."""
    return wide[["face_id", "split", "label"]].assign(score=np.asarray(scores), seed=0)
