"""What stress tests measure on any set of faces: AUC, both recalls, shifts, each with 95%."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...errors import DataError
from ..comparison import compare_auc
from ..intervals import bootstrap_metrics
from ..rates import Z_95, Interval, share_of
from ..scores import cluster_ids

MEASURES = ("auc", "recall_fake", "recall_real")
CLASS_OF_RECALL = {"recall_real": 0, "recall_fake": 1}


def measure(
    frame: pd.DataFrame,
    threshold: float,
    *,
    resamples: int,
    seed: int = 0,
    column: str = "score",
    names: tuple[str, ...] = MEASURES,
) -> dict[str, Any]:
    """Returns n_real, n_fake and, for each of `names`, value, low and high (or None).

    Faces of one person, source video or file are resampled together. A set of one class has the
    recall of that class alone.

    Args:
        frame: face_id, label, a column of scores and, where known, group and file_id.
        threshold: faces with a score at or above it are called fake.
        resamples, seed: of the bootstrap.
        column: which scores.
        names: some of `MEASURES`.
    """
    labels, scores = frame["label"].to_numpy(), frame[column].to_numpy()
    clusters = cluster_ids(frame)
    fakes = int((labels == 1).sum())
    found: dict[str, Any] = {"n_real": len(labels) - fakes, "n_fake": fakes}
    if 0 < fakes < len(labels):
        intervals = bootstrap_metrics(
            labels, scores, clusters, threshold, resamples=resamples, seed=seed, metrics=names
        )
        return found | {name: _plain(intervals[name]) for name in names}
    called = scores >= threshold
    for name in names:
        label = CLASS_OF_RECALL.get(name)
        right = called == bool(label)
        known = label is not None and len(labels) and labels[0] == label
        found[name] = _plain(share_interval(right, clusters)) if known else None
    return found


def share_interval(hits: np.ndarray, clusters: np.ndarray) -> Interval:
    """Returns the share of `hits` with its interval; see `rates.share_of`.

    Args:
        hits: bool [n], at least one.
        clusters: [n], what belongs together.

    Raises:
        DataError: no hits at all: a share of nothing is not defined.
    """
    if not len(hits):
        raise DataError("There is no share of no faces.", expected="at least one face")
    names, units = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    return share_of(np.asarray(hits, dtype=np.float64), units.reshape(-1), len(names)).interval


def opposite(share: dict[str, float | None]) -> dict[str, float | None]:
    """Returns value, low and high of what is left to 1, such as false alarms of reals accepted."""
    ends = {"value": share["value"], "low": share["high"], "high": share["low"]}
    return {name: None if end is None else 1 - end for name, end in ends.items()}


def shift_of_class(frame: pd.DataFrame, label: int, clean: str, changed: str) -> dict[str, Any]:
    """Returns by how much the mean score of one class moves; ends None for one group alone."""
    part = frame[frame["label"] == label]
    return _linear(part, _moves(part, clean, changed) / len(part))


def common_shift(frame: pd.DataFrame, clean: str, changed: str) -> dict[str, Any]:
    """Returns the mean of both classes' shifts: above 0, the change itself looks like a fake."""
    counts = frame["label"].map(frame["label"].value_counts())
    return _linear(frame, _moves(frame, clean, changed) / counts.to_numpy() / 2)


def auc_change(frame: pd.DataFrame, clean: str, changed: str, resamples: int) -> dict[str, Any]:
    """Returns the AUC of the changed faces minus that of the clean ones, paired, and DeLong's p."""
    labels, clusters = frame["label"].to_numpy(), cluster_ids(frame)
    found = compare_auc(labels, frame[changed], frame[clean], clusters, resamples=resamples)
    return {"value": found.value, "low": found.low, "high": found.high, "p": found.p}


def _moves(frame: pd.DataFrame, clean: str, changed: str) -> np.ndarray:
    return (frame[changed] - frame[clean]).to_numpy(dtype=np.float64)


def _linear(frame: pd.DataFrame, parts: np.ndarray) -> dict[str, Any]:
    """Returns the sum of the faces' parts; groups make its variance (Liang & Zeger 1986).

    Where all faces of a class belong to one group nothing is known of how groups vary.
    """
    clusters = cluster_ids(frame)
    units = pd.Series(clusters).groupby(frame["label"].to_numpy()).nunique()
    if units.min() < 2:
        return {"value": float(parts.sum()), "low": None, "high": None}
    counts = frame["label"].map(frame["label"].value_counts()).to_numpy()
    means = pd.Series(parts).groupby(frame["label"].to_numpy()).transform("sum").to_numpy()
    half = Z_95 * np.sqrt(_squares_of_groups(parts - means / counts, clusters))
    value = float(parts.sum())
    return {"value": value, "low": value - float(half), "high": value + float(half)}


def _squares_of_groups(parts: np.ndarray, clusters: np.ndarray) -> float:
    """Returns the sum over groups of their squared sums, corrected for few groups."""
    sums = pd.Series(parts).groupby(np.asarray(clusters).astype(str)).sum().to_numpy()
    return float((sums**2).sum()) * len(sums) / max(len(sums) - 1, 1)


def _plain(interval: Interval) -> dict[str, float | None]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
